// Two hosts with a link stage between them, and sockets on either.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>

#include "harness/net/namespace.h"
#include "harness/net/netlink.h"
#include "harness/wirebox/link.h"

namespace mirrorlab::wirebox {

class TwoHosts {
 public:
  explicit TwoHosts(const Settings& both, bool offloads = false, uint64_t seed = 1,
                    unsigned mtu = 1500, Gate* gate = nullptr, const std::string& name = "a-b")
      : hosts_{net::Namespace::create(), net::Namespace::create()},
        middle_(net::Namespace::create()) {
    middle_.run([] { net::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1"); });
    std::array<std::unique_ptr<PacketPort>, 2> ports;
    for (const size_t i : {0U, 1U}) {
      const std::string inner = i == 0 ? "a" : "b";
      hosts_[i].run([] {
        net::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        net::write_sysctl("net.ipv4.tcp_congestion_control", "reno");
      });
      middle_.run([&] {
        net::Netlink n;
        n.add_veth(inner, "eth0", hosts_[i].fd());
        if (!offloads) net::switch_offloads_off(inner);
        n.set_mtu(inner, mtu);
        n.set_up(inner);
      });
      hosts_[i].run([&] {
        net::Netlink n;
        if (!offloads) net::switch_offloads_off("eth0");
        n.set_mtu("eth0", mtu);
        n.add_address("eth0", "10.0.0." + std::to_string(i + 1) + "/24");
        n.set_up("eth0");
        n.set_up("lo");
      });
      middle_.run([&] {
        net::wait_running(inner);
        const size_t frame = offloads ? 66 * 1024 : mtu + 18;
        ports[i] = std::make_unique<PacketPort>(inner, frame, PacketPort::ample_ring_bytes(frame));
      });
    }
    link_ = std::make_unique<Link>(name, seed, std::move(ports[0]), std::move(ports[1]), both, both,
                                   gate);
  }

  // A socket of host 0 (10.0.0.1) or 1 (10.0.0.2), bound to `port`.
  [[nodiscard]] os::Fd socket(size_t host, int type, uint16_t port) const {
    os::Fd fd;
    hosts_[host].run([&] {
      fd.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
      const int one = 1;
      const int buffer = 32 << 20;
      ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
      if (type == SOCK_DGRAM) {
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
      }
      const timeval limit{5, 0};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      const sockaddr_in own = address(host, port);
      if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0) fd.reset();
    });
    return fd;
  }
  [[nodiscard]] static sockaddr_in address(size_t host, uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(0x0a000001U + static_cast<uint32_t>(host));
    return a;
  }
  [[nodiscard]] Link& link() { return *link_; }

 private:
  std::array<net::Namespace, 2> hosts_;
  net::Namespace middle_;
  std::unique_ptr<Link> link_;
};

}  // namespace mirrorlab::wirebox
