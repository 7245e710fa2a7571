// Header records on their way from a queue's thread to the server's: one writer, one reader, no
// lock. Bounded: a record that does not fit is the caller's to count.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "wire/header_record.h"

namespace mirrorlab::intercept {

class RecordRing {
 public:
  explicit RecordRing(size_t power_of_two) : slots_(power_of_two), mask_(power_of_two - 1) {}

  // The writer's thread. False: full.
  bool push(const wire::HeaderRecord& record) {
    const uint64_t at = written_.load(std::memory_order_relaxed);
    if (at - read_.load(std::memory_order_acquire) > mask_) return false;
    slots_[at & mask_] = record;
    written_.store(at + 1, std::memory_order_release);
    return true;
  }
  // The reader's thread. Hands all that is there to `use`; how many.
  template <class Use>
  size_t drain(const Use& use) {
    const uint64_t from = read_.load(std::memory_order_relaxed);
    const uint64_t to = written_.load(std::memory_order_acquire);
    for (uint64_t at = from; at != to; ++at) use(slots_[at & mask_]);
    read_.store(to, std::memory_order_release);
    return to - from;
  }

 private:
  std::vector<wire::HeaderRecord> slots_;
  uint64_t mask_;
  alignas(64) std::atomic<uint64_t> written_{0};
  alignas(64) std::atomic<uint64_t> read_{0};
};

}  // namespace mirrorlab::intercept
