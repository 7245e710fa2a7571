#include "intercept/driver/ring_replies.h"

#include <linux/if_packet.h>

#include <algorithm>

namespace mirrorlab::intercept {

namespace {
constexpr int kBlocksPerTurn = 16;      // then header records are written
constexpr uint64_t kReplyBytes = 1024;  // of ring; much more than a reply takes: blocks close early

uint32_t ring_bytes(uint32_t replies) {
  const uint64_t block = os::PacketRing::Options{}.block_bytes;
  const uint64_t blocks = (replies * kReplyBytes + block - 1) / block;
  return static_cast<uint32_t>(std::max<uint64_t>(blocks, 2) * block);
}
}  // namespace

tl::expected<RingReplies, std::string> RingReplies::open(const std::string& device,
                                                         Direction direction,
                                                         std::vector<sock_filter> filter,
                                                         uint32_t queue_length) {
  const bool in = direction == Direction::in;
  auto ring = os::PacketRing::open({.device = device,
                                    .ring_bytes = ring_bytes(queue_length),
                                    .ignore_outgoing = in,
                                    .filter = std::move(filter)});
  if (!ring) return tl::unexpected(ring.error());
  return RingReplies(std::move(*ring), in ? PACKET_HOST : PACKET_OUTGOING);
}

tl::expected<void, std::string> RingReplies::read(const Take& take) {
  more_ = true;
  for (int block = 0; block < kBlocksPerTurn && more_; ++block) {
    more_ = ring_.read_block([&](const os::PacketRing::Packet& packet) {
      if (packet.kind != kind_) return;
      ++counters_.packets;
      take(packet.bytes, packet.wire_bytes);
    });
  }
  return {};
}

ReplyCounters RingReplies::counters() {
  counters_.receive_errors = ring_.statistics().drops;
  return counters_;
}

}  // namespace mirrorlab::intercept
