// Frames on their way: each leaves at its time, in the order they came in. A ring that grows to the
// most frames that were ever under way.
#pragma once

#include <algorithm>
#include <vector>

#include "harness/wirebox/frame.h"
#include "os/clock.h"

namespace mirrorlab::wirebox {

class DelayLine {
 public:
  // `due` is put off to that of the frame before it: a link keeps the order.
  void take(const Frame& frame, os::Nanos due) {
    if (count_ == ring_.size()) grow();
    last_due_ = std::max(due, last_due_);
    ring_[(first_ + count_++) & (ring_.size() - 1)] = {last_due_, frame};
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] size_t size() const { return count_; }
  [[nodiscard]] os::Nanos next_due() const { return empty() ? os::kNever : ring_[first_].due; }
  // The next frame whose time has come; call until next_due() lies ahead.
  [[nodiscard]] Frame release() {
    const Frame frame = ring_[first_].frame;
    first_ = (first_ + 1) & (ring_.size() - 1);
    --count_;
    return frame;
  }

 private:
  struct Entry {
    os::Nanos due = 0;
    Frame frame;
  };
  void grow() {
    // A power of two, for the mask.
    std::vector<Entry> larger(std::max<size_t>(64, ring_.size() * 2));
    for (size_t i = 0; i < count_; ++i) larger[i] = ring_[(first_ + i) % ring_.size()];
    ring_.swap(larger);
    first_ = 0;
  }
  std::vector<Entry> ring_;
  size_t first_ = 0;
  size_t count_ = 0;
  os::Nanos last_due_ = 0;
};

}  // namespace mirrorlab::wirebox
