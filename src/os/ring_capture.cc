#include "os/ring_capture.h"

#include <algorithm>

#include "os/link_header.h"
#include "os/port_filter.h"

namespace mirrorlab::os {

namespace {
constexpr uint32_t kLargestBlock = 1U << 18U;
constexpr uint32_t kSmallestBlock = 1U << 17U;  // more than a super-packet of 64 KiB
constexpr uint32_t kLeastBlocks = 8;
constexpr size_t kLargestRing = 1U << 30U;
}  // namespace

tl::expected<RingCapture, std::string> RingCapture::open(const CaptureOptions& options) {
  PacketRing::Options o;
  o.device = options.device;
  o.block_bytes =
      options.buffer_bytes / kLeastBlocks < kLargestBlock ? kSmallestBlock : kLargestBlock;
  const auto blocks = std::min(options.buffer_bytes, kLargestRing) / o.block_bytes;
  o.ring_bytes = std::max(static_cast<uint32_t>(blocks), kLeastBlocks) * o.block_bytes;
  o.ignore_outgoing = true;
  o.filter = port_filter(options.ports);
  auto ring = PacketRing::open(o);
  if (!ring) return tl::unexpected(ring.error());
  RingCapture capture(std::move(*ring), options.device.empty());
  capture.intake_.counters().buffer_bytes = o.ring_bytes;
  return capture;
}

bool RingCapture::read(const Take& take) {
  return ring_.read_block([&](const PacketRing::Packet& packet) { take_one(packet, take); });
}

void RingCapture::take_one(const PacketRing::Packet& packet, const Take& take) {
  auto& counters = intake_.counters();
  switch (addressed(packet.kind, packet.protocol, all_devices_ && packet.tagged, packet.tag)) {
    case Addressed::elsewhere:
      ++counters.not_for_us;
      return;
    case Addressed::outer:
      ++counters.vlan_outer;
      return;
    case Addressed::not_ip:
      ++counters.unwanted;
      return;
    case Addressed::here:
      break;
  }
  const bool vouched = packet.checksum_open || packet.checksum_valid;
  intake_.take(packet.bytes, packet.wire_bytes,
               vouched ? ChecksumState::vouched : ChecksumState::verify, take);
}

const CaptureCounters& RingCapture::counters() {
  intake_.counters().kernel_drops = ring_.statistics().drops;
  return intake_.counters();
}

}  // namespace mirrorlab::os
