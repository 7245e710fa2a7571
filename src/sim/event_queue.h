// What happens next in virtual time. Events at the same time come out in the order they went in,
// so that a run depends on nothing but its seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/core/config.h"

namespace mirrorlab::sim {

using engine::kMicrosecond;
using engine::kMillisecond;
using engine::kNever;
using engine::kSecond;
using engine::Nanos;

template <typename Event>
class EventQueue {
 public:
  void push(Nanos at, Event event) {
    heap_.push_back({at, ordinal_++, event});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Nanos next_at() const { return heap_.empty() ? kNever : heap_.front().at; }
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = heap_.back().event;
    heap_.pop_back();
    return event;
  }

 private:
  struct Entry {
    Nanos at;
    uint64_t ordinal;
    Event event;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at > b.at : a.ordinal > b.ordinal;
  }
  std::vector<Entry> heap_;
  uint64_t ordinal_ = 0;
};

}  // namespace mirrorlab::sim
