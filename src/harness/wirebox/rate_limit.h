// A sender of a fixed rate with a bounded queue before it: says when a frame has left, or that the
// queue had no room. Holds no frames: when the last one will have left is all there is to know.
#pragma once

#include <algorithm>
#include <optional>

#include "harness/wirebox/settings.h"

namespace mirrorlab::wirebox {

class RateLimit {
 public:
  // The time the last bit of `bytes` leaves; nothing when the queue is full.
  [[nodiscard]] std::optional<os::Nanos> admit(uint32_t bytes, const Settings& s, os::Nanos now) {
    if (s.rate_bits == 0) return now;
    if (!has_room(bytes, s, now)) return std::nullopt;
    free_at_ = std::max(now, free_at_) + takes(bytes, s);
    return free_at_;
  }
  [[nodiscard]] bool has_room(uint32_t bytes, const Settings& s, os::Nanos now) const {
    // Why: a frame larger than the whole queue passes when nothing waits; else it never would.
    if (s.rate_bits == 0 || free_at_ <= now) return true;
    const double waiting =
        static_cast<double>(free_at_ - now) / 1e9 * static_cast<double>(s.rate_bits) / 8;
    return waiting + bytes <= static_cast<double>(queue_bytes(s));
  }
  // How long the sender is busy with `bytes`.
  [[nodiscard]] static os::Nanos takes(uint32_t bytes, const Settings& s) {
    if (s.rate_bits == 0) return 0;
    return static_cast<os::Nanos>(static_cast<double>(bytes) * 8e9 /
                                  static_cast<double>(s.rate_bits));
  }
  [[nodiscard]] static uint64_t queue_bytes(const Settings& s) {
    return s.queue_bytes != 0 ? s.queue_bytes : std::max<uint64_t>(s.rate_bits / 160, 32 * 1024);
  }

 private:
  os::Nanos free_at_ = 0;
};

}  // namespace mirrorlab::wirebox
