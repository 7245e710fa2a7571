// The one place where clocks are read. Everything else is given `now`.
#pragma once

#include <cstdint>
#include <ctime>

namespace mirrorlab::os {

// Nanoseconds of CLOCK_MONOTONIC: never goes back, is the same for all processes of one boot.
using Nanos = int64_t;
inline constexpr Nanos kNanosPerSecond = 1'000'000'000;
inline constexpr Nanos kNanosPerMilli = 1'000'000;
inline constexpr Nanos kNanosPerMicro = 1'000;
inline constexpr Nanos kNever = INT64_MAX;

[[nodiscard]] inline Nanos nanos_of(const timespec& t) {
  return Nanos{t.tv_sec} * kNanosPerSecond + t.tv_nsec;
}
[[nodiscard]] inline timespec timespec_of(Nanos n) {
  return {.tv_sec = n / kNanosPerSecond, .tv_nsec = n % kNanosPerSecond};
}

[[nodiscard]] inline Nanos steady_now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return nanos_of(t);
}
// Wall clock, for stamps that leave the host (captures, reports).
[[nodiscard]] inline Nanos wall_now() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return nanos_of(t);
}
// CPU time used by this process so far, user and system.
[[nodiscard]] inline Nanos process_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return nanos_of(t);
}
// The same of the calling thread.
[[nodiscard]] inline Nanos thread_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return nanos_of(t);
}

}  // namespace mirrorlab::os
