// Devices, addresses and routes of the current network namespace, through libnl-route.
// Everything throws std::runtime_error that says what was attempted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct nl_sock;

namespace mirrorlab::net {

class Netlink {
 public:
  Netlink();
  // A veth pair, the peer born in the namespace of `peer_namespace`.
  void add_veth(const std::string& name, const std::string& peer, int peer_namespace);
  void set_up(const std::string& device);
  void set_mtu(const std::string& device, unsigned mtu);
  // ADDR/LEN, either family. IPv6 addresses are used at once, without duplicate detection.
  void add_address(const std::string& device, const std::string& address);
  // To `prefix` by `gateway`; what this host sends there bears the address `source`.
  void add_route(const std::string& prefix, const std::string& gateway, const std::string& source);
  // Every address of `prefix` is this host's (AnyIP): a fleet of clients in one request.
  void add_local_prefix(const std::string& prefix);

 private:
  [[nodiscard]] int index_of(const std::string& device);
  struct Close {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Close> socket_;
};

// Segmentation and checksum offloads off, as on a wire. What a device lacks is skipped.
void switch_offloads_off(const std::string& device);
// Until the kernel reports the device running, which lags after "up". Throws after two seconds.
void wait_running(const std::string& device);
// Packets received on a device so far.
[[nodiscard]] uint64_t received_packets(const std::string& device);
// "net.ipv4.ip_forward" = "1", in the current namespace.
void write_sysctl(const std::string& name, const std::string& value);

}  // namespace mirrorlab::net
