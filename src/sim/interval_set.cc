#include "sim/interval_set.h"

#include <algorithm>

namespace mirrorlab::sim {

void IntervalSet::add(int64_t left, int64_t right) {
  if (left >= right) return;
  // The usual case first: the stream grows at its end.
  if (parts_.empty() || parts_.back().right < left) {
    parts_.push_back({left, right});
    return;
  }
  auto first = std::ranges::lower_bound(parts_, left, {}, &Interval::right);
  auto last = first;
  while (last != parts_.end() && last->left <= right) {
    left = std::min(left, last->left);
    right = std::max(right, last->right);
    ++last;
  }
  if (first == last) {
    parts_.insert(first, {left, right});
    return;
  }
  *first = {left, right};
  parts_.erase(first + 1, last);
}

void IntervalSet::remove_below(int64_t offset) {
  auto first = std::ranges::upper_bound(parts_, offset, {}, &Interval::right);
  parts_.erase(parts_.begin(), first);
  if (!parts_.empty()) parts_.front().left = std::max(parts_.front().left, offset);
}

bool IntervalSet::contains(int64_t left, int64_t right) const {
  return left >= right || size_within(left, right) == right - left;
}

int64_t IntervalSet::size_within(int64_t left, int64_t right) const {
  int64_t sum = 0;
  for (const Interval& part : parts_) {
    if (part.left >= right) break;
    const int64_t l = std::max(left, part.left), r = std::min(right, part.right);
    if (l < r) sum += r - l;
  }
  return sum;
}

int64_t IntervalSet::size() const {
  return parts_.empty() ? 0 : size_within(parts_[0].left, end());
}

int64_t IntervalSet::first_gap(int64_t from) const {
  for (const Interval& part : parts_) {
    if (part.left > from) return from;
    from = std::max(from, part.right);
  }
  return from;
}

}  // namespace mirrorlab::sim
