#include "harness/cli/box_watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace mirrorlab::cli {

namespace {
// One standstill that outlasts the time-outs of TCP, or a tenth of the run.
constexpr os::Nanos kLongStandstill = os::kNanosPerSecond;
constexpr os::Nanos kStarvedPart = 10;
// A full ring is half a second of traffic. Engine, clients, services and links of a run leave the
// engine a third of a CPU or more, even on two of them.
constexpr double kLongWaitS = 0.3;
constexpr double kStarvedShare = 3;

std::string text_of(const char* path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}
}  // namespace

void LateMeter::woken(os::Nanos due, os::Nanos now) {
  const os::Nanos late = now - due;
  longest_ = std::max(longest_, late);
  if (late > kUsual) total_ += late;
}

std::string BoxStrain::starved() const {
  if (oom_kills > 0)
    return fmt::format("memory ran out: the kernel killed {} process(es)", oom_kills);
  if (late_longest >= kLongStandstill) {
    return fmt::format("the box stood still for {} ms", late_longest / os::kNanosPerMilli);
  }
  if (watched > 0 && late_total * kStarvedPart >= watched) {
    return fmt::format("no CPU was free in {} ms of {} ms", late_total / os::kNanosPerMilli,
                       watched / os::kNanosPerMilli);
  }
  const auto cpus = std::max<long>(::sysconf(_SC_NPROCESSORS_ONLN), 1);
  if (watched > 0 && steal * kStarvedPart >= watched * cpus) {
    return fmt::format("the hypervisor took {} ms of {} CPUs in {} ms", steal / os::kNanosPerMilli,
                       cpus, watched / os::kNanosPerMilli);
  }
  return {};
}

std::string overflowed_for_want_of_cpu(double drops, double ran_s, double waited_s) {
  if (drops == 0 || waited_s < kLongWaitS || waited_s < kStarvedShare * ran_s) return {};
  return fmt::format(
      "the capture overflowed by {} packets while the copy engine, which ran for "
      "{:.2f} s, waited {:.2f} s for a CPU",
      drops, ran_s, waited_s);
}

uint64_t steal_ticks(std::string_view proc_stat) {
  // "cpu  user nice system idle iowait irq softirq steal ..."
  std::istringstream fields{std::string(proc_stat.substr(0, proc_stat.find('\n')))};
  std::string cpu;
  uint64_t value = 0;
  if (!(fields >> cpu) || cpu != "cpu") return 0;
  for (int field = 0; field < 8; ++field) {
    if (!(fields >> value)) return 0;
  }
  return value;
}

uint64_t oom_kills(std::string_view proc_vmstat) {
  std::istringstream lines{std::string(proc_vmstat)};
  std::string name;
  uint64_t value = 0;
  while (lines >> name >> value) {
    if (name == "oom_kill") return value;
  }
  return 0;
}

BoxWatch::BoxWatch()
    : began_(os::steady_now()),
      steal_before_(steal_ticks(text_of("/proc/stat"))),
      oom_before_(cli::oom_kills(text_of("/proc/vmstat"))),
      thread_([this] { run(); }) {}

BoxWatch::~BoxWatch() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void BoxWatch::run() {
  while (!stopping_) {
    const os::Nanos due = os::steady_now() + LateMeter::kPeriod;
    const timespec at = os::timespec_of(due);
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
    }
    meter_.woken(due, os::steady_now());
  }
}

BoxStrain BoxWatch::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  BoxStrain strain;
  strain.late_longest = meter_.longest();
  strain.late_total = meter_.total();
  strain.watched = os::steady_now() - began_;
  const uint64_t ticks = steal_ticks(text_of("/proc/stat")) - steal_before_;
  strain.steal = static_cast<os::Nanos>(ticks) * os::kNanosPerSecond / ::sysconf(_SC_CLK_TCK);
  strain.oom_kills = cli::oom_kills(text_of("/proc/vmstat")) - oom_before_;
  return strain;
}

}  // namespace mirrorlab::cli
