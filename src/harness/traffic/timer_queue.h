// Wake-ups of many connections: a heap with one live entry for each; entries that were overtaken
// are dropped when they come up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "os/clock.h"

namespace mirrorlab::traffic {

class TimerQueue {
 public:
  // `id` counts from 0. A later deadline than the armed one is taken lazily: the owner is woken at
  // the old one, finds nothing due and arms again.
  void arm(uint32_t id, os::Nanos deadline) {
    if (id >= armed_.size()) armed_.resize(id + 1, os::kNever);
    if (deadline >= armed_[id]) return;
    armed_[id] = deadline;
    heap_.push_back({deadline, id});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  [[nodiscard]] os::Nanos next() const { return heap_.empty() ? os::kNever : heap_.front().at; }
  // Calls `fire(id)` for all that are due; it may arm again.
  template <class Fire>
  void advance(os::Nanos now, Fire fire) {
    while (!heap_.empty() && heap_.front().at <= now) {
      const Entry entry = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end(), later);
      heap_.pop_back();
      if (armed_[entry.id] != entry.at) continue;
      armed_[entry.id] = os::kNever;
      fire(entry.id);
    }
  }

 private:
  struct Entry {
    os::Nanos at;
    uint32_t id;
  };
  static bool later(const Entry& a, const Entry& b) { return a.at > b.at; }
  std::vector<Entry> heap_;
  std::vector<os::Nanos> armed_;
};

}  // namespace mirrorlab::traffic
