// What an operator is told when nothing arrived.
#include "engine/driver/hints.h"

#include <gtest/gtest.h>

namespace mirrorlab::engine {
namespace {

class HintsTest : public testing::Test {
 protected:
  HintsTest() {
    outcome_.captured = outcome_.sent = outcome_.heard = 100;
    outcome_.account.sessions_captured = outcome_.account.sessions_mirrored = 3;
  }
  void lose(LossReason reason, uint64_t sessions) {
    outcome_.account.sessions_lost[static_cast<size_t>(reason)] = sessions;
    outcome_.account.sessions_mirrored = 0;
  }
  std::string said() const {
    std::string text;
    for (const auto& line : hints(outcome_)) text += line + "\n";
    return text;
  }
  bool says(const std::string& words) const { return said().find(words) != std::string::npos; }
  Outcome outcome_;
};

TEST_F(HintsTest, NothingIsSaidWhereAllWentWell) { EXPECT_EQ(said(), ""); }

TEST_F(HintsTest, LossesAreNamed) {
  lose(LossReason::capture_gap, 2);
  lose(LossReason::shutdown, 1);
  EXPECT_EQ(said(), "lost anything: 2 session(s) by capture_gap, 1 session(s) by shutdown\n");
}

TEST_F(HintsTest, NothingCaptured) {
  outcome_ = {};
  EXPECT_TRUE(says("no client's packet was captured"));
}

TEST_F(HintsTest, NothingHeard) {
  outcome_.heard = 0;
  lose(LossReason::shutdown, 3);
  EXPECT_TRUE(says("--check --client"));
  outcome_.link_failure = "connection refused";
  EXPECT_TRUE(says("the header return was not up: connection refused"));
}

TEST_F(HintsTest, AServiceThatIsNotThere) {
  lose(LossReason::handshake_refused, 3);
  EXPECT_TRUE(says("does the service listen"));
}

}  // namespace
}  // namespace mirrorlab::engine
