#include "harness/net/netlink.h"

#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "os/clock.h"
#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::net {

namespace {
void check(int result, const std::string& what) {
  if (result < 0) throw std::runtime_error("cannot " + what + ": " + nl_geterror(result));
}
struct PutLink {
  void operator()(rtnl_link* l) const { rtnl_link_put(l); }
};
struct PutAddress {
  void operator()(nl_addr* a) const { nl_addr_put(a); }
};
using Link = std::unique_ptr<rtnl_link, PutLink>;
using Address = std::unique_ptr<nl_addr, PutAddress>;

Address parse_address(const std::string& text, int family = AF_UNSPEC) {
  nl_addr* a = nullptr;
  check(nl_addr_parse(text.c_str(), family, &a), "read the address " + text);
  return Address(a);
}
struct PutRoute {
  void operator()(rtnl_route* r) const { rtnl_route_put(r); }
};
}  // namespace

void Netlink::Close::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Netlink::Netlink() : socket_(nl_socket_alloc()) {
  check(nl_connect(socket_.get(), NETLINK_ROUTE), "open a route netlink socket");
}

int Netlink::index_of(const std::string& device) {
  const unsigned index = ::if_nametoindex(device.c_str());
  if (index == 0) throw std::runtime_error(os::error_text("no device " + device));
  return static_cast<int>(index);
}

void Netlink::add_veth(const std::string& name, const std::string& peer, int peer_namespace) {
  const Link link(rtnl_link_veth_alloc());
  rtnl_link_set_name(link.get(), name.c_str());
  const Link other(rtnl_link_veth_get_peer(link.get()));
  rtnl_link_set_name(other.get(), peer.c_str());
  rtnl_link_set_ns_fd(other.get(), peer_namespace);
  check(rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL),
        "make the veth pair " + name + " - " + peer);
}

void Netlink::set_up(const std::string& device) {
  const Link link(rtnl_link_alloc());
  rtnl_link_set_ifindex(link.get(), index_of(device));
  const Link change(rtnl_link_alloc());
  rtnl_link_set_flags(change.get(), IFF_UP);
  check(rtnl_link_change(socket_.get(), link.get(), change.get(), 0), "set " + device + " up");
}

void Netlink::set_mtu(const std::string& device, unsigned mtu) {
  const Link link(rtnl_link_alloc());
  rtnl_link_set_ifindex(link.get(), index_of(device));
  const Link change(rtnl_link_alloc());
  rtnl_link_set_mtu(change.get(), mtu);
  check(rtnl_link_change(socket_.get(), link.get(), change.get(), 0),
        "set the MTU of " + device + " to " + std::to_string(mtu));
}

void Netlink::add_address(const std::string& device, const std::string& address) {
  rtnl_addr* raw = rtnl_addr_alloc();
  const std::unique_ptr<rtnl_addr, void (*)(rtnl_addr*)> entry(raw, rtnl_addr_put);
  rtnl_addr_set_ifindex(raw, index_of(device));
  const Address local = parse_address(address);
  rtnl_addr_set_local(raw, local.get());
  if (nl_addr_get_family(local.get()) == AF_INET6) rtnl_addr_set_flags(raw, IFA_F_NODAD);
  check(rtnl_addr_add(socket_.get(), raw, 0), "give " + device + " the address " + address);
}

void Netlink::add_route(const std::string& prefix, const std::string& gateway,
                        const std::string& source) {
  const std::unique_ptr<rtnl_route, PutRoute> route(rtnl_route_alloc());
  rtnl_route_set_dst(route.get(), parse_address(prefix).get());
  rtnl_route_set_pref_src(route.get(), parse_address(source).get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_gateway(hop, parse_address(gateway).get());
  rtnl_route_add_nexthop(route.get(), hop);
  check(rtnl_route_add(socket_.get(), route.get(), NLM_F_CREATE),
        "route " + prefix + " by " + gateway);
}

void Netlink::add_local_prefix(const std::string& prefix) {
  const std::unique_ptr<rtnl_route, PutRoute> route(rtnl_route_alloc());
  rtnl_route_set_dst(route.get(), parse_address(prefix).get());
  rtnl_route_set_type(route.get(), RTN_LOCAL);
  rtnl_route_set_table(route.get(), RT_TABLE_LOCAL);
  rtnl_route_set_scope(route.get(), RT_SCOPE_HOST);
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_ifindex(hop, index_of("lo"));
  rtnl_route_add_nexthop(route.get(), hop);
  check(rtnl_route_add(socket_.get(), route.get(), NLM_F_CREATE), "make " + prefix + " local");
}

void switch_offloads_off(const std::string& device) {
  const os::Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  for (const uint32_t command : {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM}) {
    ethtool_value off{command, 0};
    ifreq request{};
    device.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&off);
    if (::ioctl(fd.get(), SIOCETHTOOL, &request) < 0 && errno != EOPNOTSUPP) {
      throw std::runtime_error(os::error_text("cannot switch offloads of " + device + " off"));
    }
  }
}

void wait_running(const std::string& device) {
  const os::Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  for (const auto deadline = os::steady_now() + 2 * os::kNanosPerSecond;;) {
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) < 0) {
      throw std::runtime_error(os::error_text("cannot read the state of " + device));
    }
    if ((request.ifr_flags & IFF_RUNNING) != 0) return;
    if (os::steady_now() > deadline) throw std::runtime_error(device + " does not come up");
    ::poll(nullptr, 0, 1);
  }
}

uint64_t received_packets(const std::string& device) {
  std::ifstream in("/proc/thread-self/net/dev");
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    uint64_t bytes = 0;
    uint64_t packets = 0;
    if (fields >> name >> bytes >> packets && name == device + ":") return packets;
  }
  throw std::runtime_error("no counters of device " + device);
}

void write_sysctl(const std::string& name, const std::string& value) {
  std::string path = name;
  std::ranges::replace(path, '.', '/');
  std::ofstream out("/proc/sys/" + path);
  out << value << std::flush;
  if (!out) throw std::runtime_error("cannot set " + name + " to " + value);
}

}  // namespace mirrorlab::net
