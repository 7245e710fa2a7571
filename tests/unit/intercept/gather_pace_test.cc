// When replies are waited for, and when not: rare ones, a single busy connection, a pause.
#include "intercept/driver/gather_pace.h"

#include <gtest/gtest.h>

#include <utility>

namespace mirrorlab::intercept {
namespace {
constexpr os::Nanos kMicro = os::kNanosPerMicro;
constexpr os::Nanos kMilli = os::kNanosPerMilli;
constexpr os::Nanos kStart = 5 * os::kNanosPerSecond;

class GatherPaceTest : public testing::Test {
 protected:
  // A source that so many replies reach in every `each`, read as the pace says. How many looks that
  // took, the longest wait of a reply being kept in `longest_`.
  size_t run(size_t replies, os::Nanos each, os::Nanos how_long) {
    const os::Nanos end = now_ + how_long;
    size_t looks = 0;
    while (now_ < end) {
      now_ += each;
      size_t waiting = replies;
      os::Nanos wait = pace_.on_readable(now_, connections_);
      while (wait != os::kNever) {
        longest_ = std::max(longest_, wait);
        now_ += wait;
        // Those that came meanwhile.
        waiting += replies * static_cast<size_t>(wait / each);
        ++looks;
        wait = pace_.on_read(std::exchange(waiting, 0), now_, connections_);
        if (now_ >= end) break;
      }
    }
    return looks;
  }
  GatherPace pace_;
  os::Nanos now_ = kStart;
  os::Nanos longest_ = 0;
  size_t connections_ = 100;
};

TEST_F(GatherPaceTest, RareRepliesWaitForNothing) {
  EXPECT_EQ(run(1, 2 * kMilli, 200 * kMilli), 100U);
  EXPECT_EQ(longest_, 0);
}

TEST_F(GatherPaceTest, FrequentOnesWaitForOneAnother) {
  run(4, 100 * kMicro, 20 * kMilli);
  const size_t looks = run(4, 100 * kMicro, 80 * kMilli);
  EXPECT_LT(looks, 200U);
  EXPECT_GT(looks, 100U);
  EXPECT_EQ(longest_, GatherPace::kLongest);
}

TEST_F(GatherPaceTest, NoneWaitsLongerThanAQuarterOfItsConnectionsPause) {
  connections_ = 20;
  run(1, 20 * kMicro, 20 * kMilli);
  longest_ = 0;
  run(1, 20 * kMicro, 20 * kMilli);
  // 20 connections, each heard every 400 us.
  EXPECT_LT(longest_, 110 * kMicro);
  EXPECT_GE(longest_, GatherPace::kShortest);
}

TEST_F(GatherPaceTest, AfterABurstTheSourceIsNotLookedAtInVainEachTime) {
  run(16, 4 * kMilli, 40 * kMilli);
  const size_t looks = run(16, 4 * kMilli, 80 * kMilli);
  EXPECT_LE(looks, 20U);
}

TEST_F(GatherPaceTest, OneBusyConnectionIsSlowedDownSeldomOnly) {
  connections_ = 1000;  // the others say nothing
  run(1, 200 * kMicro, 100 * kMilli);
  // 100 windows; in one of nine or so it is tried.
  const size_t looks = run(1, 200 * kMicro, 800 * kMilli);
  EXPECT_GT(looks, 3000U);
}

TEST_F(GatherPaceTest, AReplyAfterAPauseWaitsForNothing) {
  run(16, 100 * kMicro, 50 * kMilli);
  now_ += os::kNanosPerSecond;
  EXPECT_EQ(pace_.on_readable(now_, connections_), 0);
}

TEST_F(GatherPaceTest, WhereNothingIsClaimedBySessionTheWaitIsTheShortest) {
  connections_ = 0;  // a range is
  run(4, 100 * kMicro, 50 * kMilli);
  EXPECT_EQ(longest_, GatherPace::kShortest);
}

}  // namespace
}  // namespace mirrorlab::intercept
