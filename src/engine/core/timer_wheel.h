// A hierarchical timing wheel: O(1) arm and cancel whatever the number of sessions.
//
// Timers are 32-bit ids with one deadline each; links live in the wheel, so that arming allocates
// only when an id is new. A timer fires at or after its deadline, at most one tick late; one that
// lies beyond the horizon (12 days) fires there. advance() costs by what fires, not by the time
// that passed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/core/config.h"
#include "engine/core/prefetch.h"

namespace mirrorlab::engine {

class TimerWheel {
 public:
  static constexpr Nanos kTick = 256 * kMicrosecond;

  TimerWheel();
  // Arms or moves timer `id`. A deadline in the past fires with the next advance().
  void arm(uint32_t id, Nanos deadline);
  void cancel(uint32_t id);
  [[nodiscard]] bool armed(uint32_t id) const {
    return id < nodes_.size() && nodes_[id].slot != kNoSlot;
  }
  // False when it is armed for that time already, or for an earlier one.
  [[nodiscard]] bool later_than(uint32_t id, Nanos deadline) const {
    return !armed(id) || tick_of(deadline) < tick_at(nodes_[id]);
  }
  void prefetch(uint32_t id) const {
    if (id < nodes_.size()) engine::prefetch(&nodes_[id]);
  }
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
  static constexpr uint64_t kHorizon = uint64_t{1} << (kBits * kLevels);
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  struct Node {
    uint32_t tick = 0;  // of the deadline, its low bits: all lie within the horizon
    uint32_t next = kNone;
    uint32_t previous = kNone;
    uint16_t slot = kNoSlot;
  };
  static uint64_t tick_of(Nanos t) {
    return t <= 0 ? 0 : (static_cast<uint64_t>(t) + kTick - 1) / kTick;
  }
  [[nodiscard]] uint64_t tick_at(const Node& node) const {
    return now_tick_ + static_cast<uint32_t>(node.tick - static_cast<uint32_t>(now_tick_));
  }
  void insert(uint32_t id);
  [[nodiscard]] uint64_t next_tick() const;
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
