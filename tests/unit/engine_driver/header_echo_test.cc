// When records are known to be on their way still.
#include "engine/driver/header_echo.h"

#include <gtest/gtest.h>

namespace mirrorlab::engine {
namespace {

constexpr os::Nanos kMs = os::kNanosPerMilli;
constexpr os::Nanos kLimit = HeaderEcho::kLate + 2 * kMs;

class HeaderEchoTest : public testing::Test {
 protected:
  HeaderEchoTest() { echo_.note_activity(0); }
  uint16_t ask(os::Nanos now) { return echo_.ask(now, kMs); }
  void know() { echo_.on_answer(ask(0), kMs); }
  HeaderEcho echo_;
};

TEST_F(HeaderEchoTest, AnInterceptThatNeverAnswersIsNeverBehind) {
  EXPECT_NE(ask(0), 0);
  EXPECT_FALSE(echo_.behind(5000 * kMs));
  EXPECT_EQ(ask(6000 * kMs), 0);
}

TEST_F(HeaderEchoTest, AnOverdueAnswerSaysThatItIsBehindUntilOneComesInTime) {
  know();
  const auto second = ask(300 * kMs);
  EXPECT_FALSE(echo_.behind(300 * kMs + kLimit));
  EXPECT_TRUE(echo_.behind(300 * kMs + kLimit + 1));
  echo_.on_answer(second, 5000 * kMs);
  EXPECT_EQ(echo_.late_answers(), 1U);
  EXPECT_TRUE(echo_.behind(5000 * kMs)) << "what was taken since may still be on its way";
  const auto third = ask(5000 * kMs);
  EXPECT_TRUE(echo_.behind(5001 * kMs));
  echo_.on_answer(third, 5002 * kMs);
  EXPECT_FALSE(echo_.behind(5002 * kMs));
}

TEST_F(HeaderEchoTest, ALongPathIsNoLateness) {
  know();
  const auto number = echo_.ask(0, 300 * kMs);
  EXPECT_FALSE(echo_.behind(700 * kMs));
  echo_.on_answer(number, 700 * kMs);
  EXPECT_EQ(echo_.late_answers(), 0U);
}

TEST_F(HeaderEchoTest, IsAskedWhileSomethingGoesOnOrIsLate) {
  know();
  EXPECT_EQ(ask(HeaderEcho::kActive), 0);
  echo_.note_activity(HeaderEcho::kActive);
  const auto number = ask(HeaderEcho::kActive);
  EXPECT_NE(number, 0);
  echo_.on_answer(number, 3 * HeaderEcho::kActive);
  EXPECT_NE(ask(3 * HeaderEcho::kActive), 0) << "it is behind";
}

TEST_F(HeaderEchoTest, BeingBehindIsBorneForAWhileOnly) {
  know();
  echo_.on_answer(ask(0), 1000 * kMs);
  EXPECT_TRUE(echo_.behind(HeaderEcho::kLongest - 1));
  EXPECT_FALSE(echo_.behind(HeaderEcho::kLongest));
}

TEST_F(HeaderEchoTest, AnswersOfAnotherTimeOrConnectionCountForNothing) {
  know();
  const auto number = ask(0);
  echo_.on_answer(number + 1, kMs);
  EXPECT_TRUE(echo_.behind(1000 * kMs));
  echo_.begin_anew();
  EXPECT_FALSE(echo_.behind(1000 * kMs));
  echo_.on_answer(number, 1000 * kMs);
  EXPECT_FALSE(echo_.behind(1000 * kMs));
}

}  // namespace
}  // namespace mirrorlab::engine
