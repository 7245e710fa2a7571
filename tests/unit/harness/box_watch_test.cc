#include "harness/cli/box_watch.h"

#include <gtest/gtest.h>

namespace mirrorlab::cli {
namespace {
constexpr os::Nanos kMs = os::kNanosPerMilli;

TEST(LateMeter, AddsUpWhatIsMoreThanUsual) {
  LateMeter m;
  m.woken(0, 1 * kMs);
  m.woken(0, 20 * kMs);
  EXPECT_EQ(m.total(), 0);
  EXPECT_EQ(m.longest(), 20 * kMs);
  m.woken(100 * kMs, 150 * kMs);
  m.woken(200 * kMs, 230 * kMs);
  EXPECT_EQ(m.total(), 80 * kMs);
  EXPECT_EQ(m.longest(), 50 * kMs);
}
TEST(BoxStrain, StarvedByAStandstillByManySmallOnesByStealOrByMemory) {
  BoxStrain s;
  s.watched = 5000 * kMs;
  EXPECT_EQ(s.starved(), "");
  s.late_longest = 999 * kMs;
  s.late_total = 499 * kMs;
  EXPECT_EQ(s.starved(), "") << "less than a tenth, and no second at once";
  s.late_total = 500 * kMs;
  EXPECT_EQ(s.starved(), "no CPU was free in 500 ms of 5000 ms");
  s.late_longest = 1000 * kMs;
  EXPECT_EQ(s.starved(), "the box stood still for 1000 ms");
  BoxStrain stolen;
  stolen.watched = 1000 * kMs;
  stolen.steal = 1000'000 * kMs;
  EXPECT_NE(stolen.starved().find("the hypervisor took"), std::string::npos);
  BoxStrain memory;
  memory.oom_kills = 2;
  EXPECT_NE(memory.starved().find("memory ran out"), std::string::npos);
}
TEST(BoxStrain, AnOverflowIsTheBoxsWhereTheEngineHadFarLessThanItsShare) {
  EXPECT_EQ(overflowed_for_want_of_cpu(0, 0.1, 9), "") << "nothing was lost";
  EXPECT_EQ(overflowed_for_want_of_cpu(7, 1.0, 2.9), "") << "it had a quarter of a CPU";
  EXPECT_EQ(overflowed_for_want_of_cpu(7, 0.01, 0.2), "") << "no full ring's time";
  EXPECT_EQ(overflowed_for_want_of_cpu(7, 0.5, 2.0),
            "the capture overflowed by 7 packets while the copy engine, which ran for 0.50 s, "
            "waited 2.00 s for a CPU");
}
TEST(BoxWatch, ReadsTheKernelsText) {
  EXPECT_EQ(steal_ticks("cpu  1 2 3 4 5 6 7 42 9 10\ncpu0 1 1 1 1 1 1 1 1\n"), 42U);
  EXPECT_EQ(steal_ticks("cpu  1 2 3\n"), 0U);
  EXPECT_EQ(steal_ticks(""), 0U);
  EXPECT_EQ(oom_kills("nr_free_pages 5\noom_kill 3\n"), 3U);
  EXPECT_EQ(oom_kills("nr_free_pages 5\n"), 0U);
}
TEST(BoxWatch, WatchesUntilItIsStopped) {
  BoxWatch watch;
  const BoxStrain s = watch.stop();
  EXPECT_GT(s.watched, 0);
  EXPECT_GE(s.late_longest, 0);
}
}  // namespace
}  // namespace mirrorlab::cli
