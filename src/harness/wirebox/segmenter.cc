#include "harness/wirebox/segmenter.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"
#include "wire/packet.h"

namespace mirrorlab::wirebox {

namespace {
// Lengths, numbers, flags and checksums of one segment, whose header is a copy of the whole's.
void settle_header(Frame& f, const IpInfo& info, uint32_t offset, uint16_t index, bool last) {
  uint8_t* ip = f.bytes + kEthernetBytes;
  uint8_t* tcp = f.bytes + info.transport;
  const auto& flow = info.flow;
  if (flow.client.address.is_v4()) {
    wire::store16(ip + 2, static_cast<uint32_t>(f.size - kEthernetBytes));
    wire::store16(ip + 4, static_cast<uint16_t>(wire::load16(ip + 4) + index));
    wire::store16(ip + 10, 0);
    const size_t header = info.transport - kEthernetBytes;
    wire::store16(ip + 10, wire::checksum_finish(wire::checksum_add(0, {ip, header})));
  } else {
    wire::store16(ip + 4, static_cast<uint32_t>(f.size - info.transport));
  }
  wire::store32(tcp + 4, wire::load32(tcp + 4) + offset);
  if (!last) tcp[13] &= static_cast<uint8_t>(~(wire::tcp_flag::kFin | wire::tcp_flag::kPsh));
  if (index > 0) tcp[13] &= static_cast<uint8_t>(~wire::tcp_flag::kCwr);
  wire::store16(tcp + 16, 0);
  wire::store16(tcp + 16, wire::tcp_checksum(flow.client.address, flow.server.address,
                                             {tcp, f.size - info.transport}));
}
}  // namespace

bool cut_super_packet(const Frame& frame, const IpInfo& info, FramePool& pool,
                      std::vector<Frame>& out) {
  const uint32_t step = frame.vnet.gso_size;
  if (!frame.is_super_packet() || info.protocol != 6 || step == 0) return false;
  const size_t header = info.transport + (frame.bytes[info.transport + 12] >> 4U) * 4U;
  if (header < info.transport + 20 || header >= frame.size) return false;
  const size_t before = out.size();
  const auto payload = static_cast<uint32_t>(frame.size - header);
  uint16_t index = 0;
  for (uint32_t offset = 0; offset < payload; offset += step, ++index) {
    const uint32_t length = std::min(step, payload - offset);
    Frame f;
    f.size = static_cast<uint32_t>(header + length);
    f.bytes = pool.take(f.size);
    if (f.bytes == nullptr) {
      for (size_t i = before; i < out.size(); ++i) pool.give(out[i]);
      out.resize(before);
      return false;
    }
    f.pooled = true;
    std::memcpy(f.bytes, frame.bytes, header);
    std::memcpy(f.bytes + header, frame.bytes + header + offset, length);
    settle_header(f, info, offset, index, offset + length == payload);
    out.push_back(f);
  }
  return true;
}

}  // namespace mirrorlab::wirebox
