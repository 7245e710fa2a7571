// Received data that waits for what comes before it. Of bytes received twice the first are kept.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "sim/interval_set.h"
#include "wire/bytes.h"

namespace mirrorlab::sim {

class Reassembly {
 public:
  // Keeps [offset, offset + data.size()), of which nothing lies before `next`.
  void keep(int64_t offset, wire::Bytes data);
  // Hands out what begins at `next` and returns the offset after it.
  int64_t drain(int64_t next, const std::function<void(int64_t, wire::Bytes)>& take);
  // What is held, the latest block first (RFC 2018 section 4).
  [[nodiscard]] std::vector<Interval> blocks() const;
  [[nodiscard]] uint32_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return parts_.empty(); }

 private:
  struct Part {
    int64_t offset;
    std::vector<uint8_t> data;
    [[nodiscard]] int64_t end() const { return offset + static_cast<int64_t>(data.size()); }
  };
  std::deque<Part> parts_;  // sorted, disjoint
  int64_t latest_ = 0;      // an offset inside the block kept last
  uint32_t bytes_ = 0;
};

}  // namespace mirrorlab::sim
