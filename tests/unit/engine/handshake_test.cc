// S1: the client's SYN is copied with the options that matter, and repeated until answered.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Handshake, CopiesMssScaleAndSackAndUsesItsOwnTimestampClock) {
  Script t;
  t.play(R"(
    client S 0:0(0) win 29200 <mss 1460,sackOK,TS val 777 ecr 0,wscale 9>
    engine S 0:0(0) win 29200 <mss 1460,sackOK,TS val 1 ecr 0,wscale 9>
    +7ms host S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 5000 ecr 0,wscale 7>
    engine . 1:1(0) ack 1 <TS val 8 ecr 5000>
    client . 1:1(0) ack 1
    quiet 60s
  )");
}

TEST(Handshake, AddsNoOptionTheClientDidNotSend) {
  Script t;
  t.play(R"(
    client S 0:0(0) win 8192 <>
    engine S 0:0(0) win 8192 <>
  )");
}

TEST(Handshake, DoesNotCopyEcnNegotiation) {
  Script t;
  t.play(R"(
    client SEW 0:0(0) <mss 1000>
    engine S 0:0(0) <mss 1000>
  )");
}

TEST(Handshake, ScaleAboveFourteenIsFourteen) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000,wscale 15>
    engine S 0:0(0) <mss 1000,wscale 14>
  )");
}

TEST(Handshake, WindowOfARepeatedSynIsNotTheScaledOneOfLaterPackets) {
  Script t;
  t.play(R"(
    client S 0:0(0) win 64800 <mss 1000,wscale 10>
    engine S 0:0(0) win 64800 <mss 1000,wscale 10>
    client . 1:1(0) ack 1 win 63
    +1s engine S 0:0(0) win 64512 <mss 1000,wscale 10>
  )");
}

TEST(Handshake, RepeatsTheSynWithBackOffUntilTheTimeOut) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0) <mss 1000>
    +1s engine S 0:0(0) <mss 1000>
    +2s engine S 0:0(0)
    +4s engine S 0:0(0)
    +8s engine S 0:0(0)
    +8s engine S 0:0(0)
    quiet 6s
    +1s engine R 1:1(0)
    quiet 100s
    client F. 1:1(0) ack 1
    end handshake_timeout captured 0
  )");
  EXPECT_EQ(t.counters().syn_retransmitted, 5U);
}

TEST(Handshake, AFailedOneCostsTheTurnThatWaited) {
  Config config = Script::config();
  config.handshake_timeout = 2 * kSecond;
  Script t(config);
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    client P. 1:101(100) ack 1
    +1s engine S 0:0(0)
    +1s engine R 1:1(0)
    client P. 101:201(100) ack 501
    engine S 100:100(0)
    +10ms host S. 0:0(0) ack 101
    engine P. 101:201(100) ack 1
    host . 1:1(0) ack 201
    client R. 201:201(0) ack 501
    engine R. 201:201(0) ack 1
    end handshake_timeout captured 200 mirrored 100 lost 100 connections 2
  )");
}

TEST(Handshake, RefusalIsTriedAgainUntilTheTimeOut) {
  Config config = Script::config();
  config.handshake_timeout = kSecond;
  Script t(config);
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host R. 0:0(0) ack 1
    +200ms engine S 0:0(0)
    host R. 0:0(0) ack 1
    +400ms engine S 0:0(0)
    host R. 0:0(0) ack 1
    quiet 10s
    client R 1:1(0)
    end handshake_refused
  )");
}

TEST(Handshake, RefusalIsBorneForItsOwnTime) {
  Config config = Script::config();
  config.refused_timeout = kSecond;
  Script t(config);
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    +1s engine S 0:0(0)                # not answered
    +500ms host R. 0:0(0) ack 1        # the time begins here
    +400ms engine S 0:0(0)
    host R. 0:0(0) ack 1
    quiet 590ms
    client R 1:1(0)
    quiet 9ms
    +1ms end handshake_refused
    quiet 10s
  )");
}

TEST(Handshake, WhatWaitedForARefusedConnectionIsLostWithIt) {
  Config config = Script::config();
  config.pace = Pace::none;
  config.refused_timeout = 100 * kMillisecond;
  Script t(config);
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    client P. 1:101(100) ack 1
    client P. 101:201(100) ack 501
    client P. 201:301(100) ack 1001
    host R. 0:0(0) ack 1
    quiet 1s
    client . 301:401(100) ack 1001     # the rest of that turn
    client P. 401:501(100) ack 1501    # another one is another attempt
    engine S 400:400(0)
    host S. 0:0(0) ack 401 <mss 1000>
    engine P. 401:501(100) ack 1
    host P. 1:501(500) ack 501
    engine . 501:501(0) ack 501
    client R 501:501(0)
    engine R. 501:501(0) ack 501
    end handshake_refused captured 500 mirrored 100 lost 400 connections 2
  )");
}

TEST(Handshake, RefusedIsTheReasonAlsoWhenTheEngineEnds) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host R. 0:0(0) ack 1
    client . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    shutdown
    engine R 1:1(0)
    end handshake_refused captured 100 lost 100
  )");
}

TEST(Handshake, ARefusalOfAnotherSynIsIgnored) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host R. 0:0(0) ack 77
    host R 0:0(0)
    host P 5:5(0)
    host S. 0:0(0) ack 1
    engine . 1:1(0) ack 1
  )");
}

TEST(Handshake, TwoSynAcksOfOneMomentInTheWrongOrder) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    client . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    host S. 0:0(0) isn 700 ack 1 <mss 1000>
    engine P. 1:101(100) ack 1
    host S. 0:0(0) isn 90000000 ack 1 <mss 1000>       # of one that is gone
    engine P. 1:101(100)
    host . 1:1(0) isn 700 ack 101                      # it acks data: this one lives
    engine . 101:101(0) ack 1
    host P. 1:11(10) ack 101
    engine . 101:101(0) ack 11
    quiet 10s
  )");
}

TEST(Handshake, AReplacedSynAckThatComesTwiceIsNotTakenAgain) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    client . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    host S. 0:0(0) isn 700 ack 1 <mss 1000>            # of one that is gone
    engine P. 1:101(100) ack 1
    host S. 0:0(0) isn 90000000 ack 1 <mss 1000>
    engine P. 1:101(100)
    host S. 0:0(0) isn 700 ack 1 <mss 1000>            # it was doubled on the way
    host . 1:1(0) isn 90000000 ack 101
    host P. 1:11(10) isn 90000000 ack 101
    engine . 101:101(0)
    quiet 10s
  )");
  EXPECT_EQ(t.counters().header_records_unacceptable, 1U);
  EXPECT_EQ(t.counters().syn_retransmitted, 0U);
}

// One that was held for an engine before this one is taken first; what answers it comes late.
TEST(Handshake, AResetThatAnswersAnotherSynAckIsNone) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000,wscale 7>
    engine S 0:0(0)
    host S. 0:0(0) isn 3000000 ack 1 <mss 1000,wscale 7>
    engine . 1:1(0)
    host S. 0:0(0) isn 10 ack 1 <mss 1000,wscale 7>
    engine . 1:1(0) ack 1
    client . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    host R 2999991:2999991(0)          # in the window, but not the very byte
    engine . 101:101(0) ack 1          # which a host that has reset would answer
    quiet 10s
    host R 1:1(0)
    client P. 101:201(100) ack 501
    engine S 100:100(0)                # test_reset: the next turn is on another one
  )");
}

TEST(Handshake, ARepeatedSynAckIsAckedAgain) {
  Script t;
  t.open();
  t.play(R"(
    host S. 0:0(0) ack 1 <mss 1000,sackOK,wscale 7>
    engine . 1:1(0) ack 1
  )");
}

TEST(Handshake, ARepeatedSynOfTheClientIsNoNewConnection) {
  Script t;
  t.open();
  t.play("client S 0:0(0) <mss 1000,sackOK,wscale 7>");
  EXPECT_EQ(t.account().sessions_captured, 1U);
  EXPECT_EQ(t.counters().packets_retransmitted_online, 1U);
}

TEST(Handshake, DataInTheSynIsStreamDataAndTheCookieIsNotCopied) {
  Script t;
  t.play(R"(
    client S 0:100(100) <mss 1000>   # TFO: its option does not reach the core
    engine S 0:0(0) <mss 1000>
    +10ms host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:101(100) ack 1
    client P. 1:101(100) ack 1       # the online host did not take it: the client repeats it
    client P. 101:151(50) ack 1
    engine P. 101:151(50) ack 1
  )");
  EXPECT_EQ(t.account().bytes_captured, 150U);
}

TEST(Handshake, AClientThatNeverFinishesItEndsEarly) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    +10ms host S. 0:0(0) ack 1
    engine . 1:1(0) ack 1
    quiet 29s
    +1s engine R. 1:1(0) ack 1
    end mirrored captured 0
    quiet 10s
  )");
  EXPECT_EQ(t.claims(), 0U);
}

TEST(Handshake, WithoutAnMssOptionOfTheHostTheDefaultHolds) {
  for (const auto& [family, mss] :
       {std::pair{wire::Family::v4, "536"}, {wire::Family::v6, "1220"}}) {
    Script t(family);
    t.open(1, "mss 1460", "");
    const std::string n(mss);
    t.play("client P. 1:1461(1460) ack 1\nengine . 1:" + std::to_string(1 + std::stoi(n)) + "(" +
           n + ") ack 1");
    t.take_sent();
  }
}

TEST(Handshake, ATinyMssOfTheHostIsNotBelieved) {
  Script t;
  t.open(1, "mss 1460", "mss 1");
  t.play("client P. 1:65(64) ack 1\nengine P. 1:65(64) ack 1");
}

TEST(Handshake, SamplesTheRoundTripFromTheEchoWhenTheSynWasRepeated) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000,TS>
    engine S 0:0(0) <mss 1000,TS val 1 ecr 0>
    +1s engine S 0:0(0) <mss 1000,TS val 1001 ecr 0>
    +100ms host S. 0:0(0) ack 1 <mss 1000,TS val 9 ecr 1001>
    engine . 1:1(0) ack 1
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +250ms engine P. 1:101(100) ack 1  # tail loss probe: 2 * 100 ms + 50 ms
  )");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
