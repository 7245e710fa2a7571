// Latencies in log-linear buckets: 64 to every power of two, so that a percentile read back as the
// middle of its bucket is within 0.8 %. 20 KB, whatever is recorded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace mirrorlab::traffic {

class Histogram {
 public:
  void add(int64_t value, uint64_t times = 1);  // negative values count as 0
  // The value that `fraction` (0..1) of the samples do not exceed; 0 when there are none.
  [[nodiscard]] double percentile(double fraction) const;
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] int64_t max() const { return max_; }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr size_t kSub = size_t{1} << kSubBits;
  static constexpr size_t kBuckets = kSub * (41 - kSubBits);  // up to 2^40 ns: 18 minutes
  static size_t bucket_of(uint64_t value);
  static double middle_of(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace mirrorlab::traffic
