// Was there enough of the box for the run? A thread with a timer of its own says how late it was
// woken, the kernel how much time the hypervisor took and whether memory ran out.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "os/clock.h"

namespace mirrorlab::cli {

// Lateness of a periodic timer, added up: time in which nothing of this run could count on a CPU.
class LateMeter {
 public:
  static constexpr os::Nanos kPeriod = 10 * os::kNanosPerMilli;
  // Less is the scheduler's usual business.
  static constexpr os::Nanos kUsual = 20 * os::kNanosPerMilli;

  void woken(os::Nanos due, os::Nanos now);
  [[nodiscard]] os::Nanos longest() const { return longest_; }
  [[nodiscard]] os::Nanos total() const { return total_; }

 private:
  os::Nanos longest_ = 0;
  os::Nanos total_ = 0;
};

struct BoxStrain {
  os::Nanos late_longest = 0, late_total = 0, watched = 0;
  os::Nanos steal = 0;  // of all CPUs together
  uint64_t oom_kills = 0;

  // Why nothing can be said against an engine that was slow or lost something meanwhile; empty when
  // the run had what it needed.
  [[nodiscard]] std::string starved() const;
};

// Why a capture that overflowed says nothing against the engine; empty when the engine had its
// share. Both in seconds, `waited_s`: ready to run, and no CPU was free.
[[nodiscard]] std::string overflowed_for_want_of_cpu(double drops, double ran_s, double waited_s);

// "steal" of the first line of /proc/stat, in clock ticks; "oom_kill" of /proc/vmstat.
[[nodiscard]] uint64_t steal_ticks(std::string_view proc_stat);
[[nodiscard]] uint64_t oom_kills(std::string_view proc_vmstat);

class BoxWatch {
 public:
  BoxWatch();
  ~BoxWatch();
  BoxWatch(const BoxWatch&) = delete;
  BoxWatch& operator=(const BoxWatch&) = delete;
  // Ends the watch. Once.
  BoxStrain stop();

 private:
  void run();
  std::atomic<bool> stopping_{false};
  LateMeter meter_;
  os::Nanos began_;
  uint64_t steal_before_;
  uint64_t oom_before_;
  std::thread thread_;
};

}  // namespace mirrorlab::cli
