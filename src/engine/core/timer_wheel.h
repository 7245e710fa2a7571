// A hierarchical timing wheel: O(1) arm and cancel whatever the number of sessions.
//
// Timers are 32-bit ids with one deadline each; links live in the wheel, so that arming allocates
// only when an id is new. A timer fires at or after its deadline, at most one tick late.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/core/config.h"

namespace mirrorlab::engine {

class TimerWheel {
 public:
  static constexpr Nanos kTick = 256 * kMicrosecond;

  TimerWheel();
  // Arms or moves timer `id`. A deadline in the past fires with the next advance().
  void arm(uint32_t id, Nanos deadline);
  void cancel(uint32_t id);
  [[nodiscard]] bool armed(uint32_t id) const {
    return id < nodes_.size() && nodes_[id].slot != kNone;
  }
  [[nodiscard]] Nanos deadline(uint32_t id) const { return nodes_[id].deadline; }
  // Moves time to `now` and appends every due id to `due`, which are then no longer armed.
  void advance(Nanos now, std::vector<uint32_t>& due);
  // A time at which advance() is worth calling: never later than the next deadline plus one tick.
  [[nodiscard]] Nanos next_wakeup() const;
  [[nodiscard]] uint64_t memory_bytes() const { return nodes_.capacity() * sizeof(Node); }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr unsigned kBits = 8;
  static constexpr unsigned kSlots = 1U << kBits;
  static constexpr unsigned kLevels = 4;  // 256^4 ticks: 12 days
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Node {
    Nanos deadline = kNever;
    uint32_t next = kNone;
    uint32_t previous = kNone;
    uint32_t slot = kNone;
  };
  static uint64_t tick_of(Nanos t) {
    return t <= 0 ? 0 : (static_cast<uint64_t>(t) + kTick - 1) / kTick;
  }
  void insert(uint32_t id, uint64_t earliest_tick);
  void unlink(uint32_t id);
  void cascade(unsigned level);
  [[nodiscard]] unsigned next_in_level(unsigned level, unsigned from) const;

  std::vector<Node> nodes_;
  std::array<uint32_t, kLevels * kSlots> heads_;
  std::array<std::array<uint64_t, kSlots / 64>, kLevels> occupied_{};
  uint64_t now_tick_ = 0;
  size_t size_ = 0;
};

}  // namespace mirrorlab::engine
