// S12: the account balances at every instant, also when the engine is stopped; S13: nothing is ever
// sent but to the test host (the kit checks it for every packet of every test).
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Account, SaysWhatDoesNotBalance) {
  Account a;
  EXPECT_EQ(a.imbalance(), "");
  a.sessions_captured = 2;
  a.sessions_live = 1;
  a.bytes_captured = 10;
  a.bytes_lost[static_cast<size_t>(LossReason::capture_gap)] = 4;
  EXPECT_EQ(a.imbalance(),
            "sessions: captured 2 != mirrored 0 + live 1 + lost 0; "
            "bytes: captured 10 != mirrored 0 + pending 0 + lost 4");
  a.sessions_mirrored = 1;
  a.bytes_pending = 6;
  EXPECT_EQ(a.imbalance(), "");
}

TEST(Account, ShutdownLosesWhatIsPendingAndSaysSo) {
  Script t;
  t.open(1);
  t.open(2);
  t.open(3);
  t.play(R"(
    client/1 P. 1:101(100) ack 1
    engine/1 P. 1:101(100) ack 1
    client/2 P. 1:101(100) ack 1
    engine/2 P. 1:101(100) ack 1
    host/2 . 1:1(0) ack 101
    client/4 S 0:0(0) <mss 1000>
    engine/4 S 0:0(0)
    client/3 P. 101:201(100) ack 1        # behind a hole
    shutdown
    engine/1 R. 101:101(0) ack 1
    engine/2 R. 101:101(0) ack 1
    engine/3 R. 1:1(0) ack 1
    engine/4 R 1:1(0)
    end shutdown captured 100 lost 100
    end mirrored captured 100
    end capture_gap captured 200
    end shutdown captured 0
  )");
  EXPECT_EQ(t.account().sessions_live, 0U);
  EXPECT_EQ(t.account().bytes_pending, 0U);
}

TEST(Account, AfterStopAcceptingOnlyLiveSessionsGoOn) {
  Script t;
  t.open();
  t.core().stop_accepting();
  t.play(R"(
    client/2 S 0:0(0) <mss 1000>
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
  )");
  EXPECT_EQ(t.lost_sessions(LossReason::shutdown), 1U);
}

TEST(Account, DrainedWhenNothingWaits) {
  Script t;
  EXPECT_TRUE(t.core().drained());
  t.play("client S 0:0(0) <mss 1000>\nengine S 0:0(0)");
  EXPECT_FALSE(t.core().drained());
  t.play("host S. 0:0(0) ack 1 <mss 1000>\nengine . 1:1(0) ack 1");
  EXPECT_TRUE(t.core().drained());
  t.play("client P. 1:101(100) ack 1\nengine P. 1:101(100) ack 1");
  EXPECT_FALSE(t.core().drained());
  t.play("host . 1:1(0) ack 101");
  EXPECT_TRUE(t.core().drained());
  t.play("client F. 101:101(0) ack 1\nengine F. 101:101(0) ack 1");
  EXPECT_FALSE(t.core().drained());
  t.play("host F. 1:1(0) ack 102\nengine . 102:102(0) ack 2\nquiet 10s");
  EXPECT_TRUE(t.core().drained());
}

TEST(Account, AFinishedSessionLeavesNothingBehind) {
  Script t;
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host F. 1:1(0) ack 2
    engine . 2:2(0) ack 2
    client . 2:2(0) ack 2                # the client's own last ack
    quiet 10s
  )");
  EXPECT_EQ(t.core().next_wakeup(), kNever);
  EXPECT_EQ(t.claims(), 0U);
  EXPECT_GT(t.core().memory_bytes(), 0U);
}

TEST(Account, AnIdleSessionIsSmall) {
  Script t;
  t.open(1);
  const uint64_t before = t.core().memory_bytes();
  for (int n = 2; n <= 1025; ++n) t.open(n);
  const uint64_t each = (t.core().memory_bytes() - before) / 1024;
  EXPECT_LE(each, 400U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
