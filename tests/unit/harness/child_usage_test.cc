// What a process has used, looked at while it runs and when it has ended.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "harness/process/child.h"

namespace mirrorlab::process {
namespace {

TEST(ChildUsage, IsKnownWhileItRuns) {
  const std::string directory = ::testing::TempDir();
  const std::string worked = directory + "/worked";
  ::unlink(worked.c_str());
  ASSERT_EQ(::mkfifo(worked.c_str(), 0600), 0);
  const std::string work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo > " + worked;
  Child child({"busy", {"sh", "-c", work + "; exec sleep 100"}, -1, directory + "/busy.log"});
  EXPECT_EQ(child.usage().cpu_s, 0);
  std::string line;
  std::ifstream done(worked);
  std::getline(done, line);  // ends when it has worked
  child.look_at_usage();
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
