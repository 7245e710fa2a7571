#include "harness/cli/batch_schedule.h"

#include <gtest/gtest.h>

namespace mirrorlab::cli {
namespace {

TEST(BatchSchedule, AsManyRunAsThereAreJobsInTheirOrder) {
  BatchSchedule s({false, false, false}, 2, 1);
  EXPECT_EQ(s.next(), 0U);
  EXPECT_EQ(s.next(), 1U);
  EXPECT_EQ(s.next(), std::nullopt);
  EXPECT_TRUE(s.ended(1, true));
  EXPECT_EQ(s.next(), 2U);
  EXPECT_TRUE(s.ended(0, true));
  EXPECT_FALSE(s.over());
  EXPECT_TRUE(s.ended(2, false));
  EXPECT_TRUE(s.over());
}

TEST(BatchSchedule, ASerialRunIsAlone) {
  BatchSchedule s({false, true, false}, 3, 1);
  EXPECT_EQ(s.next(), 0U);
  EXPECT_EQ(s.next(), std::nullopt) << "the serial one waits until nothing runs";
  EXPECT_TRUE(s.ended(0, true));
  EXPECT_EQ(s.next(), 1U);
  EXPECT_EQ(s.next(), std::nullopt) << "and nothing runs beside it";
  EXPECT_TRUE(s.ended(1, true));
  EXPECT_EQ(s.next(), 2U);
}

TEST(BatchSchedule, RepeatsUntilItDoesNotPass) {
  BatchSchedule s({false}, 1, 3);
  EXPECT_EQ(s.next(), 0U);
  EXPECT_FALSE(s.ended(0, true));
  EXPECT_FALSE(s.over());
  EXPECT_EQ(s.next(), 0U);
  EXPECT_TRUE(s.ended(0, false));
  EXPECT_EQ(s.times(0), 2U);
  EXPECT_TRUE(s.over());
}

TEST(BatchSchedule, AnInterruptionStartsNothingMore) {
  BatchSchedule s({false, false}, 1, 5);
  EXPECT_EQ(s.next(), 0U);
  s.stop();
  EXPECT_FALSE(s.over()) << "what runs is waited for";
  EXPECT_TRUE(s.ended(0, true)) << "it is not repeated";
  EXPECT_EQ(s.next(), std::nullopt);
  EXPECT_TRUE(s.over());
}

}  // namespace
}  // namespace mirrorlab::cli
