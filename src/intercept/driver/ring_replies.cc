#include "intercept/driver/ring_replies.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include "os/error.h"

namespace mirrorlab::intercept {

namespace {
constexpr int kBlocksPerTurn = 16;  // then header records are written
}

tl::expected<RingReplies, std::string> RingReplies::open(const std::string& device,
                                                         Direction direction,
                                                         std::vector<sock_filter> filter) {
  const bool in = direction == Direction::in;
  auto ring = os::PacketRing::open({.device = device, .ignore_outgoing = in});
  if (!ring) return tl::unexpected(ring.error());
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::setsockopt(ring->fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) {
    return os::failure("cannot filter the packet ring of " + device);
  }
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
