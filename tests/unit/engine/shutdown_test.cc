// The end of the engine: every session is closed in the account, chains of reused 4-tuples too.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

// Three connections of one 4-tuple: the second waits for the first, the third for the second.
void play_reuse(Script& t) {
  t.open(1);
  t.share_port(2, 1);
  t.share_port(3, 1);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client/2 S 0:0(0) <mss 1000,sackOK,wscale 7>
    client/3 S 0:0(0) <mss 1000,sackOK,wscale 7>
  )");
}

TEST(Shutdown, EndsASessionThatWaitedForItsFourTuple) {
  Script t;
  play_reuse(t);
  t.play("shutdown");
  static_cast<void>(t.take_sent());
  EXPECT_EQ(t.account().sessions_live, 0U);
  EXPECT_TRUE(t.core().drained());
  t.advance(10 * kSecond);
  EXPECT_TRUE(t.take_sent().empty()) << "what waited was opened after the shutdown";
  EXPECT_EQ(t.account().sessions_live, 0U);
  EXPECT_EQ(t.core().next_wakeup(), kNever);
  EXPECT_EQ(t.claims(), 0U);
}

TEST(Shutdown, LateClientPacketsOfAChainAreNoTrap) {
  Script t;
  play_reuse(t);
  t.play("shutdown");
  static_cast<void>(t.take_sent());
  t.client(
      2, *[] {
        std::string error;
        return parse_notation("P. 1:11(10) ack 1", error);
      }());
  EXPECT_FALSE(t.failed());
}

}  // namespace
}  // namespace mirrorlab::engine::kit
