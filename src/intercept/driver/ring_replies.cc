#include "intercept/driver/ring_replies.h"

#include <linux/if_packet.h>

namespace mirrorlab::intercept {

namespace {
constexpr int kBlocksPerTurn = 16;  // then header records are written
}

tl::expected<RingReplies, std::string> RingReplies::open(const std::string& device,
                                                         Direction direction,
                                                         std::vector<sock_filter> filter) {
  const bool in = direction == Direction::in;
  auto ring =
      os::PacketRing::open({.device = device, .ignore_outgoing = in, .filter = std::move(filter)});
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
