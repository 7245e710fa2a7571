// ReplySource over a packet ring: copies of replies that the kernel drops by other means.
//
// A copy that does not fit the ring costs a header, never a leak.
#pragma once

#include <optional>

#include "intercept/driver/reply_filter.h"
#include "intercept/driver/reply_source.h"
#include "os/packet_ring.h"

namespace mirrorlab::intercept {

class RingReplies : public ReplySource {
 public:
  enum class Direction : uint8_t { in, out };
  // Packets that this device receives for this host, or sends, and that `filter` keeps.
  static tl::expected<RingReplies, std::string> open(const std::string& device, Direction direction,
                                                     std::vector<sock_filter> filter,
                                                     uint32_t queue_length);
  [[nodiscard]] int fd() const override { return ring_.fd(); }
  tl::expected<void, std::string> read(const Take& take) override;
  [[nodiscard]] os::Nanos read_again_after() const override { return more_ ? 0 : os::kNever; }
  [[nodiscard]] bool gathers() const override { return true; }
  [[nodiscard]] ReplyCounters counters() override;

 private:
  RingReplies(os::PacketRing ring, uint8_t kind) : ring_(std::move(ring)), kind_(kind) {}
  os::PacketRing ring_;
  uint8_t kind_;  // sll_pkttype
  bool more_ = false;
  ReplyCounters counters_;
};

}  // namespace mirrorlab::intercept
