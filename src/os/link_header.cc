#include "os/link_header.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/dlt.h>

namespace mirrorlab::os {

namespace {
constexpr uint16_t kVlanId = 0x0fff;

bool is_ip(uint16_t protocol) { return protocol == ETH_P_IP || protocol == ETH_P_IPV6; }

std::optional<wire::Bytes> behind(wire::Bytes frame, size_t n) {
  return frame.size() > n ? std::optional(frame.subspan(n)) : std::nullopt;
}

// `at`: where the protocol stands; VLAN tags follow one another.
std::optional<wire::Bytes> behind_type(wire::Bytes frame, size_t at) {
  while (frame.size() >= at + 2) {
    const uint16_t protocol = wire::load16(&frame[at]);
    if (is_ip(protocol)) return behind(frame, at + 2);
    if (protocol != ETH_P_8021Q && protocol != ETH_P_8021AD) break;
    at += 4;
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
  const uint16_t protocol = wire::load16(&frame[at]);
  if (protocol != 0x0021 && protocol != 0x0057) return std::nullopt;
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
