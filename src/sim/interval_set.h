// A set of stream offsets as sorted, disjoint intervals [left, right).
#pragma once

#include <cstdint>
#include <vector>

namespace mirrorlab::sim {

struct Interval {
  int64_t left = 0;
  int64_t right = 0;
  bool operator==(const Interval&) const = default;
};

class IntervalSet {
 public:
  void add(int64_t left, int64_t right);
  void remove_below(int64_t offset);
  void clear() { parts_.clear(); }
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  [[nodiscard]] bool contains(int64_t left, int64_t right) const;
  // Bytes of [left, right) in the set.
  [[nodiscard]] int64_t size_within(int64_t left, int64_t right) const;
  [[nodiscard]] int64_t size() const;
  // First offset at or after `from` that is not in the set.
  [[nodiscard]] int64_t first_gap(int64_t from) const;
  // The greatest offset in the set plus one; 0 when empty.
  [[nodiscard]] int64_t end() const { return parts_.empty() ? 0 : parts_.back().right; }
  [[nodiscard]] const std::vector<Interval>& parts() const { return parts_; }

 private:
  std::vector<Interval> parts_;
};

}  // namespace mirrorlab::sim
