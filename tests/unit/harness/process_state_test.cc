#include "harness/process/process_state.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace mirrorlab::process {
namespace {

TEST(ProcessState, SaysWhetherAProcessRunsWaitsIsStoppedOrGone) {
  EXPECT_TRUE(process_state(::getpid()).starts_with("running")) << process_state(::getpid());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char never = 0;
    ::close(ends[1]);
    ::_exit(static_cast<int>(::read(ends[0], &never, 1)));
  }
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  ASSERT_EQ(::waitpid(child, nullptr, WUNTRACED), child);
  const std::string stopped = process_state(child);
  EXPECT_TRUE(stopped.starts_with("stopped")) << stopped;
  // Why not how many threads: a sanitizer adds its own.
  for (const char* part : {" thread", ", CPU 0.0", "s user 0.0", "MiB, ", " descriptors ("}) {
    EXPECT_NE(stopped.find(part), std::string::npos) << part << " is not in: " << stopped;
  }
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(process_state(child), "gone");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace mirrorlab::process
