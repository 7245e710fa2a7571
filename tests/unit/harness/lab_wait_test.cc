// How a laboratory waits: for what comes first, with its time standing still at breakpoints.
#include "harness/cli/lab_wait.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

namespace mirrorlab::cli {
namespace {

constexpr os::Nanos kLong = 20 * os::kNanosPerSecond;

class LabWaitTest : public ::testing::Test {
 protected:
  static os::Fd event(unsigned value) {
    return os::Fd(::eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK));
  }

  wirebox::Gate gate_;
  Interruption interruption_;
  LabWait wait_{gate_, interruption_};
};

TEST_F(LabWaitTest, ReturnsWhenSomethingIsReadable) {
  const os::Fd happened = event(1);
  WaitSet set;
  set.add(happened.get());
  const auto began = wait_.now();
  wait_.until(began + kLong, std::move(set));
  EXPECT_LT(wait_.now(), began + kLong);
}

TEST_F(LabWaitTest, ReturnsAtItsTime) {
  const os::Fd never = event(0);
  WaitSet set;
  set.add(os::Fd(::dup(never.get())));
  const auto until = wait_.now() + 5 * os::kNanosPerMilli;
  wait_.until(until, std::move(set));
  EXPECT_GE(wait_.now(), until);
}

TEST_F(LabWaitTest, AnInvalidCopyIsNotWaitedFor) {
  WaitSet set;
  set.add(os::Fd());
  EXPECT_EQ(set.size(), 0U);
}

TEST_F(LabWaitTest, ServesABreakWhileTimeStandsStill) {
  const os::Fd hit = event(1);
  os::Nanos stopped_at = 0;
  wait_.serve_breaks(hit.get(), [&] {
    eventfd_t count = 0;
    ASSERT_EQ(::eventfd_read(hit.get(), &count), 0);
    gate_.hold();
    stopped_at = wait_.now();
    WaitSet nothing;
    nothing.poll(3 * os::kNanosPerMilli);
    EXPECT_EQ(wait_.now(), stopped_at);
    gate_.resume();
  });
  wait_.until(wait_.now() + kLong);
  EXPECT_NE(stopped_at, 0);
  EXPECT_GE(wait_.stood_still(), 3 * os::kNanosPerMilli);
}

TEST_F(LabWaitTest, LooksAgainUntilItIsTrueOrTooLate) {
  int looks = 0;
  EXPECT_TRUE(
      wait_.look_again([&] { return ++looks == 3; }, os::kNanosPerMilli, wait_.now() + kLong));
  EXPECT_EQ(looks, 3);
  const auto until = wait_.now() + 5 * os::kNanosPerMilli;
  EXPECT_FALSE(wait_.look_again([] { return false; }, os::kNanosPerMilli, until));
  EXPECT_GE(wait_.now(), until);
}

TEST_F(LabWaitTest, AnInterruptionCutsEachWaitShort) {
  ::kill(::getpid(), SIGTERM);
  WaitSet set;
  set.add(interruption_.fd());
  set.poll(kLong);
  EXPECT_TRUE(wait_.interrupted());
  const auto began = wait_.now();
  wait_.until(os::kNever);
  EXPECT_FALSE(wait_.look_again([] { return false; }, os::kNanosPerMilli, os::kNever));
  EXPECT_LT(wait_.now(), began + kLong);
}

}  // namespace
}  // namespace mirrorlab::cli
