// How this host would reach an address: which device, which neighbour, how large a packet may be.
//
// Asked of the kernel by rtnetlink. Routes that depend on the source address or on marks are not
// seen: the question is put without them. Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "wire/flow.h"

struct nl_sock;

namespace mirrorlab::os {

using MacAddress = std::array<uint8_t, 6>;

struct NextHop {
  bool routed = false;  // there is a route, and its device is up
  int device = 0;
  uint32_t mtu = 0;  // IP packets; 0: not known
  // The next hop is an Ethernet neighbour whose address is known: frames can be addressed.
  bool by_link = false;
  // The kernel has not heard of the neighbour lately: a packet sent its own way makes it ask.
  bool unconfirmed = false;
  // It is an Ethernet neighbour that the kernel has not found. What is sent the kernel's way waits
  // for it, and ends in an ICMP error to its source when it is not there.
  bool unresolved = false;
  MacAddress from{};
  MacAddress to{};
};

class RouteLookup {
 public:
  virtual ~RouteLookup() = default;
  [[nodiscard]] virtual NextHop find(const wire::IpAddress& to) = 0;
  // Has the kernel look for the neighbour on the way there.
  virtual void resolve(const wire::IpAddress& to) = 0;
};

class KernelRoutes : public RouteLookup {
 public:
  static tl::expected<std::unique_ptr<RouteLookup>, std::string> open();
  [[nodiscard]] NextHop find(const wire::IpAddress& to) override;
  // By an empty datagram of this host's own to the discard port, that goes no further than the
  // next hop: if nobody is there, it is this host that is told.
  void resolve(const wire::IpAddress& to) override;

 private:
  struct Close {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Close> socket_;
};

}  // namespace mirrorlab::os
