// Devices, addresses and routes of one network namespace, by route netlink.
//
// Belongs to the namespace it was made in, whoever uses it later, and keeps that namespace alive.
// Requests are carried out at once, or, when made so, kept until commit(), which sends them
// together. Everything throws std::runtime_error that says what was attempted. One thread at a
// time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "harness/net/netlink_message.h"
#include "os/fd.h"

namespace mirrorlab::net {

class Netlink {
 public:
  enum class When : uint8_t { at_once, on_commit };
  explicit Netlink(When when = When::at_once);

  // One end of a veth pair. An index that is not 0 is the device's from the start, so that nobody
  // has to ask for it.
  struct VethEnd {
    std::string name;
    int index = 0;
  };
  // A veth pair, the peer born in the namespace of `peer_namespace`. MTU 0: the kernel's.
  void add_veth(const VethEnd& here, const VethEnd& peer, int peer_namespace, unsigned mtu = 0,
                int master = 0);
  void add_veth(const std::string& name, const std::string& peer, int peer_namespace) {
    add_veth(VethEnd{name}, VethEnd{peer}, peer_namespace);
  }
  // A bridge that passes everything on: no spanning tree, no delay, no multicast snooping.
  void add_bridge(const std::string& name, int index);
  // Says that a device made by somebody else has this index.
  void know(const std::string& device, int index) { indexes_[device] = index; }
  void set_up(const std::string& device);
  void set_mtu(const std::string& device, unsigned mtu);
  void set_master(const std::string& device, int bridge);
  // ADDR/LEN, either family. IPv6 addresses are used at once, without duplicate detection.
  void add_address(const std::string& device, const std::string& address);
  // To `prefix` by `gateway`; what this host sends there bears the address `source`.
  void add_route(const std::string& prefix, const std::string& gateway, const std::string& source);
  // Every address of `prefix` is this host's (AnyIP): a fleet of clients in one request.
  void add_local_prefix(const std::string& prefix);
  // Sends what is kept and waits until the kernel has done it.
  void commit();

  // These two are no requests, and come after a commit. Segmentation and checksum offloads off, as
  // on a wire; what a device lacks is skipped.
  void switch_offloads_off(const std::string& device);
  // Until the kernel reports the device running, which lags after "up". Throws after two seconds.
  void wait_running(const std::string& device);

 private:
  [[nodiscard]] int index_of(const std::string& device);
  void done();
  const When when_;
  os::Fd route_;
  os::Fd control_;  // any socket, for ioctl
  NetlinkMessages messages_;
  std::map<std::string, int> indexes_;
};

// In the current namespace.
void switch_offloads_off(const std::string& device);
void wait_running(const std::string& device);
// Packets received on a device so far.
[[nodiscard]] uint64_t received_packets(const std::string& device);
// "net.ipv4.ip_forward" = "1", in the current namespace.
void write_sysctl(const std::string& name, const std::string& value);

}  // namespace mirrorlab::net
