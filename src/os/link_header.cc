#include "os/link_header.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ppp_defs.h>
#include <pcap/dlt.h>

namespace mirrorlab::os {

namespace {
constexpr uint16_t kVlanId = 0x0fff;
constexpr uint16_t kFabricPath = 0x8903;

bool is_ip(uint16_t protocol) { return protocol == ETH_P_IP || protocol == ETH_P_IPV6; }

std::optional<wire::Bytes> behind(wire::Bytes frame, size_t n) {
  return frame.size() > n ? std::optional(frame.subspan(n)) : std::nullopt;
}

bool is_ppp_ip(uint16_t protocol) { return protocol == PPP_IP || protocol == PPP_IPV6; }

// `at`: the session header (RFC 2516), then PPP's protocol.
std::optional<wire::Bytes> behind_pppoe(wire::Bytes frame, size_t at) {
  constexpr size_t kSessionBytes = 6;
  if (frame.size() < at + kSessionBytes + 2) return std::nullopt;
  if (!is_ppp_ip(wire::load16(&frame[at + kSessionBytes]))) return std::nullopt;
  return behind(frame, at + kSessionBytes + 2);
}

// `at`: labels up to the one marked as the last (RFC 3032). What follows is not named.
std::optional<wire::Bytes> behind_mpls(wire::Bytes frame, size_t at) {
  constexpr size_t kLabelBytes = 4;
  while (frame.size() >= at + kLabelBytes && (frame[at + 2] & 1U) == 0) at += kLabelBytes;
  return behind(frame, at + kLabelBytes);
}

// `at`: where the protocol stands; tags follow one another.
std::optional<wire::Bytes> behind_type(wire::Bytes frame, size_t at) {
  constexpr size_t kAddressesBytes = 12;
  while (frame.size() >= at + 2) {
    const uint16_t protocol = wire::load16(&frame[at]);
    at += 2;
    if (is_ip(protocol)) return behind(frame, at);
    switch (protocol) {
      case ETH_P_8021Q:
      case ETH_P_8021AD:
        at += 2;
        break;
      case kFabricPath:
        at += 2 + kAddressesBytes;
        break;
      case ETH_P_PPP_SES:
        return behind_pppoe(frame, at);
      case ETH_P_MPLS_UC:
        return behind_mpls(frame, at);
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<wire::Bytes> behind_sll2(wire::Bytes frame) {
  if (frame.size() < 20 || !is_ip(wire::load16(frame.data()))) return std::nullopt;
  return behind(frame, 20);
}

std::optional<wire::Bytes> behind_ppp(wire::Bytes frame) {
  const size_t at = frame.size() > 1 && frame[0] == 0xff && frame[1] == 0x03 ? 2 : 0;
  if (frame.size() < at + 2) return std::nullopt;
  if (!is_ppp_ip(wire::load16(&frame[at]))) return std::nullopt;
  return behind(frame, at + 2);
}
}  // namespace

Addressed addressed(uint8_t kind, uint16_t protocol, bool tagged, uint16_t tag) {
  if (kind != PACKET_HOST) return Addressed::elsewhere;
  if (tagged && (tag & kVlanId) != 0) return Addressed::outer;
  return is_ip(protocol) ? Addressed::here : Addressed::not_ip;
}

bool link_type_known(int link_type) {
  switch (link_type) {
    case DLT_EN10MB:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_PPP:
      return true;
    default:
      return false;
  }
}

std::optional<wire::Bytes> ip_packet_in(int link_type, wire::Bytes frame) {
  switch (link_type) {
    case DLT_EN10MB:
      return behind_type(frame, 12);
    case DLT_LINUX_SLL:
      return behind_type(frame, 14);
    case DLT_LINUX_SLL2:
      return behind_sll2(frame);
    case DLT_NULL:
    case DLT_LOOP:
      return behind(frame, 4);
    case DLT_PPP:
      return behind_ppp(frame);
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return behind(frame, 0);
    default:
      return std::nullopt;
  }
}

}  // namespace mirrorlab::os
