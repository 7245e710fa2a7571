#include "harness/traffic/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mirrorlab::traffic {

size_t Histogram::bucket_of(uint64_t value) {
  if (value < kSub) return value;
  const auto power = static_cast<unsigned>(std::bit_width(value)) - 1;  // >= kSubBits
  const unsigned shift = power - kSubBits;
  const size_t bucket = kSub * (shift + 1) + ((value >> shift) - kSub);
  return std::min(bucket, kBuckets - 1);
}

double Histogram::middle_of(size_t bucket) {
  if (bucket < kSub) return static_cast<double>(bucket);
  const size_t shift = bucket / kSub - 1;
  const auto low = static_cast<double>((bucket % kSub + kSub) << shift);
  return low + static_cast<double>((uint64_t{1} << shift) - 1) / 2;
}

void Histogram::add(int64_t value, uint64_t times) {
  value = std::max<int64_t>(value, 0);
  buckets_[bucket_of(static_cast<uint64_t>(value))] += times;
  count_ += times;
  max_ = std::max(max_, value);
}

double Histogram::percentile(double fraction) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<uint64_t>(std::clamp(
      std::ceil(fraction * static_cast<double>(count_)), 1.0, static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) return std::min(middle_of(bucket), static_cast<double>(max_));
  }
  return static_cast<double>(max_);
}

}  // namespace mirrorlab::traffic
