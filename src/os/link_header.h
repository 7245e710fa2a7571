// What is before the IP header: whom a frame was for, and how long its link header is.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/bytes.h"

namespace mirrorlab::os {

enum class Addressed : uint8_t {
  here,
  elsewhere,  // another host's, a group's, or sent by this one
  outer,      // tagged: the same packet comes again, from the VLAN device it is for
  not_ip,
};
// A packet socket's frame: sll_pkttype, its protocol (host order), and its VLAN tag where the
// capture sees the VLAN devices as well. Tag 0 is only a priority.
[[nodiscard]] Addressed addressed(uint8_t kind, uint16_t protocol, bool tagged, uint16_t tag);

// The IP packet in a frame of libpcap's link type; nothing when it holds none. Ethernet (VLAN tags
// in any number, also 802.1ad and FabricPath, PPPoE, MPLS), Linux cooked (1 and 2), raw IP, BSD
// loopback, PPP.
[[nodiscard]] std::optional<wire::Bytes> ip_packet_in(int link_type, wire::Bytes frame);
[[nodiscard]] bool link_type_known(int link_type);

}  // namespace mirrorlab::os
