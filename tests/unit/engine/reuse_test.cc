// S10: a new SYN on a 4-tuple that is in use, or was a moment ago.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

Config no_pace() {
  Config c = Script::config();
  c.pace = Pace::none;
  return c;
}

TEST(Reuse, EndsTheOldTwinAfterWhatWasCapturedAndOpensTheNew) {
  Script t(no_pace());
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client/2 S 0:0(0) <mss 1000>
    client/2 P. 1:51(50) ack 1
    quiet 30ms
    host . 1:1(0) ack 101
    engine R. 101:101(0) ack 1
    end superseded captured 100 mirrored 100
    engine/2 S 0:0(0) <mss 1000>
    +10ms host/2 S. 0:0(0) ack 1 <mss 1000>
    engine/2 P. 1:51(50) ack 1
  )");
  EXPECT_EQ(t.counters().reused_tuples, 1U);
}

TEST(Reuse, AfterACleanCloseItIsOneSessionAfterTheOther) {
  Script t(no_pace());
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    +1ms client/2 S 0:0(0) <mss 1000>
    client/2 P. 1:51(50) ack 1
    quiet 10ms
    host F. 1:1(0) ack 2                 # the test host was slower
    engine . 2:2(0) ack 2
    end mirrored
    engine/2 S 0:0(0)
    host/2 S. 0:0(0) ack 1 <mss 1000>
    engine/2 P. 1:51(50) ack 1
  )");
  EXPECT_EQ(t.claims(), 1U);
}

TEST(Reuse, OfAFinishedOne) {
  Script t;
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host F. 1:1(0) ack 2
    engine . 2:2(0) ack 2
    end mirrored
    client/2 S 0:0(0) <mss 1000>
    engine/2 S 0:0(0)
  )");
  EXPECT_EQ(t.counters().reused_tuples, 1U);
}

TEST(Reuse, EveryConnectionOfAMillisecondHasALaterTimestamp) {  // RFC 6191
  Script t(no_pace());
  t.share_port(2, 1);
  t.share_port(3, 1);
  t.play(R"(
    client S 0:0(0) <mss 1000,TS>
    engine S 0:0(0) <mss 1000,TS val 1 ecr 0>
    host S. 0:0(0) ack 1 <mss 1000,TS val 9 ecr 1>
    engine . 1:1(0) ack 1 <TS val 1 ecr 9>
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    client/2 S 0:0(0) <mss 1000,TS>
    host F. 1:1(0) ack 2 <TS val 9 ecr 1>
    engine . 2:2(0) ack 2 <TS val 1 ecr 9>
    engine/2 S 0:0(0) <mss 1000,TS val 2 ecr 0>
    host/2 S. 0:0(0) ack 1 <mss 1000,TS val 9 ecr 2>
    engine/2 . 1:1(0) ack 1
    client/2 F. 1:1(0) ack 1
    engine/2 F. 1:1(0) ack 1
    host/2 F. 1:1(0) ack 2 <TS val 9 ecr 2>
    engine/2 . 2:2(0) ack 2
    client/3 S 0:0(0) <mss 1000,TS>       # the one before is a tombstone
    engine/3 S 0:0(0) <mss 1000,TS val 3 ecr 0>
  )");
}

TEST(Reuse, AlsoAReopenedConnectionOfTheSame) {
  Script t(no_pace());
  t.open(1, "mss 1000,TS", "mss 1000,TS val 9 ecr 0");
  t.play(R"(
    host R. 1:1(0) ack 1
    client P. 1:101(100) ack 1
    engine S 0:0(0) <mss 1000,TS val 12 ecr 0>
  )");
}

// The reply of a connection that an engine before this one had opened with the same number was
// held and comes first: the test host resets what acks it.
TEST(Reuse, AStaleSynAckCostsNothing) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host S. 7000:7000(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 7001
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 7001
    host R 7001:7001(0)
    engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine P. 1:101(100) ack 1
  )");
}

TEST(Reuse, TheSynAckThatComesAfterAStaleOneIsTaken) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host S. 7000:7000(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 7001
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
  )");
}

TEST(Reuse, WhatTheOldConnectionSentAfterItsSynAckProvesNothing) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host S. 7000:7000(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 7001
    host P. 7001:7101(100) ack 1           # its greeting
    engine . 1:1(0) ack 7101
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
  )");
}

TEST(Reuse, NorDoesItMakeTheAnswerToOurAckAReset) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host S. 7000:7000(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 7001
    host P. 7001:7101(100) ack 1
    engine . 1:1(0) ack 7101
    host R 7101:7101(0)
    engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
  )");
}

TEST(Reuse, SeveralStaleSynAcksCostNothing) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host S. 7000:7000(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 7001
    host S. 9000:9000(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 9001
    host R 7001:7001(0)
    host R 9001:9001(0)
    engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
  )");
}

TEST(Reuse, OfTwoSynAcksTheOneWithTheOlderTimestampIsLate) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000,TS>
    engine S 0:0(0) <mss 1000,TS val 1 ecr 0>
    host S. 0:0(0) ack 1 <mss 1000,TS val 9 ecr 1>
    engine . 1:1(0) ack 1
    host S. 7000:7000(0) ack 1 <mss 1000,TS val 5 ecr 1>
    quiet 100ms
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
  )");
}

TEST(Reuse, ALateSynAckThatWasTakenIsGivenUpWhenTheTestHostSaysSo) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host S. 700000:700000(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 700001
    host S. 7000:7000(0) ack 1 <mss 1000>   # overtaken by the one above
    engine . 1:1(0) ack 7001
    host . 700001:700001(0) ack 1           # the challenge to our ack
    engine R 1:1(0)
    engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
  )");
}

TEST(Reuse, AnOldConnectionThatExpectsJustThisByteIsResetToo) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host . 901:901(0) ack 1
    engine R 1:1(0)
    engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
  )");
}

TEST(Reuse, TheSynOfTheConnectionBeforeIsNoNewOne) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client S 500000:500000(0) <mss 1000>
    engine R. 1:1(0) ack 1
    engine S 500000:500000(0)
    client S 0:0(0) <mss 1000>
    quiet 1s
  )");
  EXPECT_EQ(t.core().counters().reused_tuples, 1U);
}

TEST(Reuse, ATimeWaitThatAnswersWithAnAckIsReset) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host . 901:901(0) ack 501
    engine R 501:501(0)
    engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
  )");
}

TEST(Reuse, AHoleInTheOldStreamIsAGap) {
  Script t(no_pace());
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client P. 101:201(100) ack 1
    client/2 S 0:0(0) <mss 1000>
    engine R. 1:1(0) ack 1
    end capture_gap captured 200 lost 200
    engine/2 S 0:0(0)
  )");
}

TEST(Reuse, TheClientsResetThatWaitedForTheTestHostIsPlayedThen) {
  Script t(no_pace());
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host . 1:1(0) ack 2
    client . 2:2(0) ack 501
    client R 2:2(0)
    client/2 S 0:0(0) <mss 1000>
    +5s engine R. 2:2(0) ack 1
    end mirrored
    engine/2 S 0:0(0)
  )");
}

TEST(Reuse, OfATestHostThatNeverClosesWaitsForTheHoldLimitOnly) {
  Script t(no_pace());
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host . 1:1(0) ack 2
    client/2 S 0:0(0) <mss 1000>
    +5s engine R. 2:2(0) ack 1
    end mirrored
    engine/2 S 0:0(0)
  )");
}

TEST(Reuse, AGapOfOneThatWaitsIsDeclaredInTime) {
  Script t(no_pace());
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client/2 S 0:0(0) <mss 1000>
    client/2 P. 101:201(100) ack 1
    client/2 . 201:201(0) ack 501
  )");
  t.advance(119 * kSecond);
  EXPECT_EQ(t.lost(LossReason::capture_gap), 0U);
  t.advance(2 * kSecond);
  t.take_sent();
  EXPECT_EQ(t.lost(LossReason::capture_gap), 200U);
}

TEST(Reuse, AChainIsBounded) {
  Script t(no_pace());
  t.play("client S 0:0(0) <mss 1000>\nengine S 0:0(0)");
  for (int n = 2; n <= 70; ++n) {
    t.share_port(n, 1);
    t.play("client/" + std::to_string(n) + " S 0:0(0) <mss 1000>");
    t.take_sent();
  }
  EXPECT_EQ(t.account().sessions_captured, 70U);
  EXPECT_LE(t.account().sessions_live, 64U);
  EXPECT_EQ(t.lost_sessions(LossReason::superseded), 70U - t.account().sessions_live);
}

TEST(Reuse, WithAsManySessionsAsAllowed) {
  Config config = no_pace();
  config.max_sessions = 1;
  Script t(config);
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client/2 S 0:0(0) <mss 1000>
    engine R. 1:1(0) ack 1
    end superseded
    client/2 P. 1:101(100) ack 1
    +200ms engine R. 1:1(0)
    +400ms engine R. 1:1(0)
    quiet 1s
  )");
  EXPECT_EQ(t.lost_sessions(LossReason::session_limit), 1U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
