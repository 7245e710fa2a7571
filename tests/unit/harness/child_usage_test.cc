// What a process has used, looked at while it runs and when it has ended.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "harness/process/child.h"

namespace mirrorlab::process {
namespace {

TEST(ChildUsage, IsKnownWhileItRuns) {
  Child child(
      {"busy", {"sh", "-c", "while :; do :; done"}, -1, ::testing::TempDir() + "/busy.log"});
  EXPECT_EQ(child.usage().cpu_s, 0);
  for (int i = 0; i < 2000 && child.usage().cpu_s < 0.01; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    child.look_at_usage();
  }
  const double before = child.usage().cpu_s;
  EXPECT_GE(before, 0.01);
  EXPECT_GT(child.usage().peak_rss_bytes, 0U);
  child.stop(5000);
  const double after = child.usage().cpu_s;
  EXPECT_GT(after, 0);
  child.look_at_usage();
  EXPECT_EQ(child.usage().cpu_s, after) << "it has ended";
}

}  // namespace
}  // namespace mirrorlab::process
