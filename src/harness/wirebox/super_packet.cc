#include "harness/wirebox/super_packet.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"
#include "wire/packet.h"

namespace mirrorlab::wirebox {

namespace {
constexpr uint8_t kTcp = 6;
constexpr size_t kChecksumAt = 16;  // in the TCP header
constexpr uint8_t kGsoEcn = 0x80;

// What the TCP checksum field holds while the checksum is left to whoever cuts the packet: the
// pseudo header's sum, not inverted.
uint16_t pseudo_header_sum(const wire::FlowKey& flow, uint32_t tcp_bytes) {
  uint8_t rest[8];
  wire::store32(rest, tcp_bytes);
  wire::store32(rest + 4, kTcp);
  uint64_t sum = wire::checksum_add(0, flow.client.address.bytes());
  sum = wire::checksum_add(sum, flow.server.address.bytes());
  return static_cast<uint16_t>(~wire::checksum_finish(wire::checksum_add(sum, {rest, 8})));
}
}  // namespace

SuperPacket::SuperPacket(const Frame& frame, const IpInfo& info) : frame_(frame), info_(info) {
  const uint32_t step = frame.vnet.gso_size;
  if (!frame.is_super_packet() || info.protocol != kTcp || step == 0) return;
  // Why: of a fragment nothing is known beyond its IP header.
  if (info.transport + 20 > frame.size) return;
  const size_t header = info.transport + (frame.bytes[info.transport + 12] >> 4U) * 4U;
  if (header < info.transport + 20 || header >= frame.size) return;
  header_ = static_cast<uint32_t>(header);
  segments_ = (frame.size - header_ + step - 1) / step;
}

Frame SuperPacket::piece(uint32_t first, uint32_t count, FramePool& pool) const {
  const uint32_t step = frame_.vnet.gso_size;
  const uint32_t offset = first * step;
  const bool last = first + count == segments_;
  const uint32_t length = last ? frame_.size - header_ - offset : count * step;
  Frame f;
  f.size = header_ + length;
  f.bytes = pool.take(f.size);
  if (f.bytes == nullptr) return f;
  f.pooled = true;
  std::memcpy(f.bytes, frame_.bytes, header_);
  std::memcpy(f.bytes + header_, frame_.bytes + header_ + offset, length);
  uint8_t* ip = f.bytes + kEthernetBytes;
  uint8_t* tcp = f.bytes + info_.transport;
  if (info_.flow.client.address.is_v4()) {
    wire::store16(ip + 2, static_cast<uint32_t>(f.size - kEthernetBytes));
    wire::store16(ip + 4, static_cast<uint16_t>(wire::load16(ip + 4) + first));
    wire::store16(ip + 10, 0);
    const size_t header = info_.transport - kEthernetBytes;
    wire::store16(ip + 10, wire::checksum_finish(wire::checksum_add(0, {ip, header})));
  } else {
    wire::store16(ip + 4, static_cast<uint32_t>(f.size - info_.transport));
  }
  wire::store32(tcp + 4, wire::load32(tcp + 4) + offset);
  if (!last) tcp[13] &= static_cast<uint8_t>(~(wire::tcp_flag::kFin | wire::tcp_flag::kPsh));
  if (first > 0) tcp[13] &= static_cast<uint8_t>(~wire::tcp_flag::kCwr);
  wire::store16(tcp + kChecksumAt, 0);
  const auto& flow = info_.flow;
  const auto tcp_bytes = static_cast<uint32_t>(f.size - info_.transport);
  if (count == 1) {
    wire::store16(tcp + kChecksumAt,
                  wire::tcp_checksum(flow.client.address, flow.server.address, {tcp, tcp_bytes}));
    return f;
  }
  wire::store16(tcp + kChecksumAt, pseudo_header_sum(flow, tcp_bytes));
  f.vnet = frame_.vnet;
  if (first > 0) f.vnet.gso_type &= static_cast<uint8_t>(~kGsoEcn);
  f.vnet.flags = VnetHeader::kNeedsChecksum;
  f.vnet.checksum_start = static_cast<uint16_t>(info_.transport);
  f.vnet.checksum_offset = kChecksumAt;
  f.vnet.header_bytes = static_cast<uint16_t>(header_);
  return f;
}

}  // namespace mirrorlab::wirebox
