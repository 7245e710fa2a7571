// The figures of a run, added up from the matched sessions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "harness/verify/evidence.h"
#include "harness/verify/mirror.h"

namespace mirrorlab::verify {

struct Sums {
  uint64_t online_sessions = 0, online_whole = 0, online_requests = 0, online_bytes = 0;
  uint64_t online_beyond_holes = 0, online_retransmitted = 0;
  uint64_t test_sessions = 0, test_requests = 0, test_bytes = 0;
  uint64_t test_retransmitted = 0;
  uint64_t exact = 0, partial = 0, missing = 0, mismatched = 0, reopened = 0;
  uint64_t requests_mirrored = 0, covered_bytes = 0, repeated_bytes = 0;
  uint64_t closes_differing = 0;
  std::string first_close;

  void add(const MirroredService& service, const Connections& online, const Connections& test,
           const Mirror& mirror);
  // The most connections that were open at one time.
  [[nodiscard]] uint64_t online_concurrency() { return peak(online_events_); }
  [[nodiscard]] uint64_t test_concurrency() { return peak(test_events_); }

 private:
  using Events = std::vector<std::pair<int64_t, int>>;  // time, opened (1) or closed (-1)
  static uint64_t peak(Events& events);
  Events online_events_, test_events_;
};

// Sorts in part; 0 when there are no samples.
[[nodiscard]] double percentile(std::vector<float>& samples, double fraction);

}  // namespace mirrorlab::verify
