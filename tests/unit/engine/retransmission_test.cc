// S5, timers: RFC 6298 (retransmission), RFC 8985 section 7 (tail loss probe).
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

constexpr char kPlain[] = "mss 1000,wscale 7";
constexpr char kSack[] = "mss 1000,sackOK,wscale 7";

TEST(Retransmission, AProbeThenTheTimerThenBackOff) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +70ms engine P. 1:101(100) ack 1   # probe: 2 * 10 ms round trip + 50 ms, one segment in flight
    +200ms engine P. 1:101(100) ack 1  # RTO, at least rto_min
    +400ms engine P. 1:101(100) ack 1  # 5.5: doubled
    +800ms engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    quiet 20s
  )");
  EXPECT_EQ(t.counters().tail_loss_probes, 1U);
  EXPECT_EQ(t.counters().rto_expirations, 3U);
  EXPECT_EQ(t.counters().data_segments_retransmitted, 4U);
}

TEST(Retransmission, TheTimerIsNotPutOffByWhatIsSentLater) {  // 5.1
  Script t;
  t.open(1, kPlain, kPlain);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +60ms client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    +20ms engine P. 101:201(100) ack 1  # probe of two in flight: 2 * 10 ms
    # Restarted by the probe (RFC 8985 7.3), and by nothing after it.
    +60ms client P. 201:301(100) ack 1
    engine P. 201:301(100) ack 1
    +140ms engine P. 1:101(100) ack 1   # one segment's worth of bytes may go
    engine P. 101:201(100) ack 1
    engine P. 201:301(100) ack 1
  )");
}

TEST(Retransmission, AnAckOfNewDataRestartsTheTimer) {  // 5.3
  Script t;
  t.open(1, kPlain, kPlain);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    +15ms host . 1:1(0) ack 101
    +71ms engine P. 101:201(100) ack 1   # probe
    +200ms engine P. 101:201(100) ack 1  # RTO
    host . 1:1(0) ack 201                # 5.2: nothing left, no timer
    quiet 5s
  )");
}

TEST(Retransmission, ADuplicateAckDoesNotRestartIt) {
  Script t;
  t.open(1, kPlain, kPlain);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +70ms engine P. 1:101(100) ack 1
    +150ms host . 1:1(0) ack 1
    +50ms engine P. 1:101(100) ack 1
  )");
}

TEST(Retransmission, KarnKeepsTheBackOffUntilASampleCounts) {
  Script t;
  t.open(1, kPlain, kPlain);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +70ms engine P. 1:101(100) ack 1
    +200ms engine P. 1:101(100) ack 1
    +400ms engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101              # of which transmission, nobody knows
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    +800ms engine P. 101:201(100) ack 1
    host . 1:1(0) ack 201
    client P. 201:301(100) ack 1
    engine P. 201:301(100) ack 1
    +10ms host . 1:1(0) ack 301        # sent once: a sample
    client P. 301:401(100) ack 1
    engine P. 301:401(100) ack 1
    +70ms engine P. 301:401(100) ack 1
    +200ms engine P. 301:401(100) ack 1
  )");
}

TEST(Retransmission, ATimestampEchoIsASampleEvenOfARetransmission) {  // RFC 7323 4.1
  Script t;
  t.open(1, "mss 1000,TS", "mss 1000,TS val 1 ecr 0");
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +70ms engine P. 1:101(100) ack 1
    +200ms engine P. 1:101(100) ack 1
    +10ms host . 1:1(0) ack 101 <TS val 2 ecr 281>
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    +70ms engine P. 101:201(100) ack 1  # no back-off is left: the probe comes
    +200ms engine P. 101:201(100) ack 1
  )");
}

TEST(Retransmission, AnEchoFromTheFutureIsNoSample) {
  Script t;
  t.open(1, "mss 1000,TS", "mss 1000,TS val 1 ecr 0");
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +70ms engine P. 1:101(100) ack 1
    +200ms engine P. 1:101(100) ack 1
    +10ms host . 1:1(0) ack 101 <TS val 2 ecr 999999>
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    +400ms engine P. 101:201(100) ack 1  # backed off still
  )");
}

TEST(Retransmission, ASlowPathRaisesTheTimeOut) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    +300ms host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +650ms engine P. 1:101(100) ack 1   # 2 * 300 ms + 50 ms
    +900ms engine P. 1:101(100) ack 1   # 300 ms + 4 * 150 ms
  )");
}

TEST(Retransmission, AfterAnRtoSlowStartSendsTheRestAgain) {  // RFC 5681 3.1
  Script t;
  t.open(1, kPlain, kPlain);
  t.play("client P. 1:4001(4000) ack 1");
  t.take_sent();
  t.play(R"(
    +20ms engine P. 3001:4001(1000) ack 1   # probe: the last one
    +200ms engine . 1:1001(1000) ack 1      # RTO: one segment
    +10ms host . 1:1(0) ack 1001
    engine . 1001:2001(1000) ack 1          # slow start: two
    engine . 2001:3001(1000) ack 1
    +10ms host . 1:1(0) ack 3001
    engine P. 3001:4001(1000) ack 1
    +10ms host . 1:1(0) ack 4001
    quiet 5s
  )");
  EXPECT_EQ(t.counters().rto_expirations, 1U);
}

TEST(Retransmission, ASpuriousTimeOutIsUndone) {  // RFC 3522
  Script t;
  t.open(1, "mss 1000,TS", "mss 1000,TS val 1 ecr 0");
  t.play("client P. 1:2965(2964) ack 1");
  t.take_sent();
  t.play(R"(
    +20ms engine P. 1977:2965(988) ack 1    # probe: the last one
    +200ms engine . 1:989(988) ack 1        # RTO: one segment
    +10ms host . 1:1(0) ack 989 <TS val 2 ecr 11>  # answers the packet before: only late
    quiet 70ms                              # nothing was lost, nothing is sent again
    host . 1:1(0) ack 2965 <TS val 3 ecr 11>
    quiet 5s
  )");
  EXPECT_EQ(t.counters().rto_spurious, 1U);
  EXPECT_EQ(t.counters().data_segments_retransmitted, 2U);
}

TEST(Retransmission, ATimeOutWhoseRetransmissionIsAckedIsNot) {
  Script t;
  t.open(1, "mss 1000,TS", "mss 1000,TS val 1 ecr 0");
  t.play("client P. 1:2965(2964) ack 1");
  t.take_sent();
  t.play(R"(
    +20ms engine P. 1977:2965(988) ack 1
    +200ms engine . 1:989(988) ack 1
    +10ms host . 1:1(0) ack 989 <TS val 2 ecr 231>
    engine . 989:1977(988) ack 1
    engine P. 1977:2965(988) ack 1
  )");
  EXPECT_EQ(t.counters().rto_spurious, 0U);
}

TEST(Retransmission, WhatTheHostHadAllAlongIsNotSentAgain) {
  Script t;
  t.open(1, kPlain, kPlain);
  t.play("client P. 1:4001(4000) ack 1");
  t.take_sent();
  t.play(R"(
    +20ms engine P. 3001:4001(1000) ack 1
    +200ms engine . 1:1001(1000) ack 1
    +10ms host . 1:1(0) ack 4001
    quiet 5s
  )");
}

TEST(Retransmission, TheFinIsRepeatedLikeData) {
  Script t;
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    +70ms engine F. 1:1(0) ack 1
    +200ms engine F. 1:1(0) ack 1
    host F. 1:1(0) ack 2
    engine . 2:2(0) ack 2
    end mirrored
  )");
}

TEST(Retransmission, SilenceForTheUserTimeoutEndsIt) {
  Config config = Script::config();
  config.user_timeout = 2 * kSecond;
  Script t(config);
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +70ms engine P. 1:101(100) ack 1
    +200ms engine P. 1:101(100) ack 1
    +400ms engine P. 1:101(100) ack 1
    +800ms engine P. 1:101(100) ack 1
    +1600ms engine R. 101:101(0) ack 1
    quiet 5s
    client F. 101:101(0) ack 1
    end test_unreachable captured 100 lost 100
  )");
}

TEST(Retransmission, APauseRestartsTheWindow) {  // RFC 5681 4.1
  Script t;
  t.open(1, kSack, kSack);
  int64_t at = 1;
  for (int round = 0; round < 6; ++round) {  // grow the window beyond its initial ten segments
    const std::string end = std::to_string(at + 20000);
    t.play("client P. " + std::to_string(at) + ":" + end + "(20000) ack 1");
    for (int i = 0; i < 30; ++i) {
      const auto sent = t.take_sent();
      if (sent.empty()) break;
      t.play("+1ms host . 1:1(0) ack " + std::to_string(sent.back().seq + sent.back().length));
    }
    at += 20000;
  }
  t.play("client P. " + std::to_string(at) + ":" + std::to_string(at + 20000) + "(20000) ack 1");
  EXPECT_EQ(t.take_sent().size(), 20U);
  at += 20000;
  t.play("host . 1:1(0) ack " + std::to_string(at) + "\nquiet 1s");
  t.play("client P. " + std::to_string(at) + ":" + std::to_string(at + 20000) + "(20000) ack 1");
  EXPECT_EQ(t.take_sent().size(), 10U);
}

TEST(Retransmission, AfterALostSynThePatienceIsThreeSeconds) {  // RFC 6298 5.7
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    +1s engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
    client . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    quiet 2900ms
    +100ms engine P. 1:101(100) ack 1
  )");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
