// Frames that later packets of their flow overtake. One is let go when it has been overtaken often
// enough, or after kPatience when its flow falls silent.
#pragma once

#include <deque>
#include <vector>

#include "harness/wirebox/flow_table.h"
#include "harness/wirebox/frame.h"

namespace mirrorlab::wirebox {

class ReorderHold {
 public:
  static constexpr os::Nanos kPatience = 5 * os::kNanosPerMilli;

  struct Held {
    Frame frame;
    double jitter = 0;
    uint32_t flow = 0;
    uint64_t ordinal = 0;
    uint32_t overtake = 0;  // packets still to go first
    uint64_t serial = 0;
    bool live = false;
  };

  // Gives the slot, which the flow keeps. `serial` and `live` are set here.
  uint32_t take(const Held& held, os::Nanos now);
  // A packet of the flow went first; true when the frame in `slot` goes next.
  [[nodiscard]] bool overtaken(uint32_t slot) { return --slots_[slot].overtake == 0; }
  [[nodiscard]] os::Nanos next_due();
  // The slot that waited longest; valid while next_due() is not kNever.
  [[nodiscard]] uint32_t oldest() const { return waiting_.front().slot; }
  [[nodiscard]] Held release(uint32_t slot);
  [[nodiscard]] size_t size() const { return slots_.size() - free_.size(); }

 private:
  struct Waiting {
    os::Nanos due;
    uint32_t slot;
    uint64_t serial;  // of the frame that was in the slot then
  };
  std::vector<Held> slots_;
  std::vector<uint32_t> free_;
  std::deque<Waiting> waiting_;  // patience is the same for all: the front is the next
  uint64_t next_serial_ = 1;
};

}  // namespace mirrorlab::wirebox
