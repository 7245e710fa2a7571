#include "harness/wirebox/frame.h"

#include <atomic>

#include "wire/checksum.h"

namespace mirrorlab::wirebox {

namespace {
constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp6 = 58;

// Ports and TCP flags; false when the packet is too short for them.
bool inspect_transport(wire::Bytes transport, IpInfo& info) {
  if (info.protocol != kTcp && info.protocol != kUdp) return true;
  if (transport.size() < (info.protocol == kTcp ? 20U : 8U)) return false;
  info.flow.client.port = wire::load16(&transport[0]);
  info.flow.server.port = wire::load16(&transport[2]);
  if (info.protocol == kTcp) {
    info.seq = wire::load32(&transport[4]);
    info.opens = (transport[13] & 0x12U) == 0x02U;
  }
  return true;
}

std::optional<IpInfo> inspect_v4(wire::Bytes frame) {
  const wire::Bytes ip = frame.subspan(kEthernetBytes);
  if (ip.size() < 20 || ip[0] >> 4U != 4) return std::nullopt;
  const size_t header = (ip[0] & 0x0fU) * 4;
  if (header < 20 || ip.size() < header) return std::nullopt;
  IpInfo info;
  info.protocol = ip[9];
  info.flow.client.address = wire::IpAddress::v4(&ip[12]);
  info.flow.server.address = wire::IpAddress::v4(&ip[16]);
  info.transport = kEthernetBytes + header;
  // Of a fragment only the first part has ports; all are told apart by their addresses alone.
  const bool fragment = (wire::load16(&ip[6]) & 0x3fffU) != 0;
  if (!fragment && !inspect_transport(ip.subspan(header), info)) return std::nullopt;
  return info;
}

std::optional<IpInfo> inspect_v6(wire::Bytes frame) {
  const wire::Bytes ip = frame.subspan(kEthernetBytes);
  if (ip.size() < 40 || ip[0] >> 4U != 6) return std::nullopt;
  IpInfo info;
  info.protocol = ip[6];
  info.flow.client.address = wire::IpAddress::v6(&ip[8]);
  info.flow.server.address = wire::IpAddress::v6(&ip[24]);
  info.transport = kEthernetBytes + 40;
  const wire::Bytes rest = ip.subspan(40);
  const bool echo =
      info.protocol == kIcmp6 && rest.size() > 8 && (rest[0] == 128 || rest[0] == 129);
  if (info.protocol != kTcp && info.protocol != kUdp && !echo) return std::nullopt;
  if (!inspect_transport(rest, info)) return std::nullopt;
  return info;
}
}  // namespace

std::optional<IpInfo> inspect(wire::Bytes frame) {
  if (frame.size() < kEthernetBytes) return std::nullopt;
  switch (wire::load16(&frame[12])) {
    case 0x0800:
      return inspect_v4(frame);
    case 0x86dd:
      return inspect_v6(frame);
    default:
      return std::nullopt;
  }
}

void RingSlot::give_back() const {
  --use->taken;
  std::atomic_ref(*status).store(0, std::memory_order_release);  // TP_STATUS_KERNEL
}

void finish_checksum(Frame& frame) {
  if ((frame.vnet.flags & VnetHeader::kNeedsChecksum) == 0) return;
  const size_t start = frame.vnet.checksum_start;
  const size_t field = start + frame.vnet.checksum_offset;
  frame.vnet = {};
  if (start > frame.size || field + 2 > frame.size) return;
  // The field holds the sum of the pseudo header: it is part of what is summed.
  const uint16_t sum = wire::checksum_finish(wire::checksum_add(0, frame.view().subspan(start)));
  wire::store16(frame.bytes + field, sum);
}

void flip_bit(Frame& frame, const IpInfo& info, uint64_t random) {
  const size_t first = info.flow.client.address.is_v4() ? kEthernetBytes : info.transport;
  if (first >= frame.size) return;
  const uint64_t bit = random % ((frame.size - first) * 8);
  frame.bytes[first + bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
  // Why: "valid as far as the sender knows" is no longer true.
  frame.vnet = {};
}

}  // namespace mirrorlab::wirebox
