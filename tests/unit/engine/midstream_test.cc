// S9: connections whose SYN was not captured.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

Config no_pace() {
  Config c = Script::config();
  c.pace = Pace::none;
  return c;
}

TEST(Midstream, BeginsAtTheFirstTurnBoundary) {
  Script t(no_pace());
  t.play(R"(
    client P. 5001:5101(100) ack 9001
    client P. 5101:5201(100) ack 9001        # the same turn
    client P. 5201:5301(100) ack 9501
    engine S 5200:5200(0) <mss 1460,sackOK,wscale 7>
    +10ms host S. 0:0(0) ack 5201 <mss 1000,sackOK,wscale 7>
    engine P. 5201:5301(100) ack 1
    host P. 1:501(500) ack 5301
    engine . 5301:5301(0) ack 501
    client F. 5301:5301(0) ack 10001
    engine F. 5301:5301(0) ack 501
    host F. 501:501(0) ack 5302
    engine . 5302:5302(0) ack 502
    end before_capture captured 300 mirrored 100 lost 200
  )");
  EXPECT_EQ(t.counters().joined_midstream, 1U);
}

TEST(Midstream, ItsOwnSynComesLate) {
  Script t(no_pace());
  t.play(R"(
    client . 101:101(0) ack 1
    client P. 101:201(100) ack 1
    engine S 100:100(0)
    host S. 0:0(0) ack 101 <mss 1000>
    engine P. 101:201(100) ack 1
    client S 0:0(0) <mss 1000>      # a copy; the first was not captured
    host P. 1:501(500) ack 201
    engine . 201:201(0) ack 501
    client F. 201:201(0) ack 501
    engine F. 201:201(0) ack 501
    host F. 501:501(0) ack 202
    engine . 202:202(0) ack 502
    end mirrored captured 100
  )");
  EXPECT_EQ(t.counters().reused_tuples, 0U);
}

TEST(Midstream, AClientThatOnlyAcksHasHadItsAnswer) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001
    quiet 1s
    client P. 5001:5101(100) ack 9001
    engine S 5000:5000(0)
    host S. 0:0(0) ack 5001 <mss 1000>
    engine P. 5001:5101(100) ack 1
    host . 1:1(0) ack 5101
    client R 5101:5101(0)
    engine R. 5101:5101(0) ack 1
    end mirrored captured 100
  )");
}

TEST(Midstream, AnswersBeforeItAreNoGreeting) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client . 5001:5001(0) ack 9501           # the end of an answer nobody will give again
    client P. 5001:5101(100) ack 9501
    engine S 5000:5000(0)
    host S. 0:0(0) ack 5001 <mss 1000>
    engine P. 5001:5101(100) ack 1
  )");
}

TEST(Midstream, AKeepAliveProbeIsOneBelowTheStream) {
  Script t(no_pace());
  t.play(R"(
    client . 5000:5000(0) ack 9001
    client P. 5001:5101(100) ack 9001
    engine S 5000:5000(0)
  )");
}

TEST(Midstream, OnlyTheLatestOfTheAcksCounts) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client . 6001:6001(0) ack 9501           # what was between was not captured, and is unknown
    client P. 6001:6101(100) ack 9501
    engine S 6000:6000(0)
  )");
}

TEST(Midstream, ALateAckOfTheConnectionBeforeIsNoneOfThem) {
  Script t(no_pace());
  t.play(R"(
    client . 500001:500001(0) ack 9001
    client . 5001:5001(0) ack 700001         # its number was lower, its ack is anything
    client P. 500001:500101(100) ack 9001
    engine S 500000:500000(0)
    host S. 0:0(0) ack 500001 <mss 1000>
    engine P. 500001:500101(100) ack 1
    client P. 500101:500201(100) ack 9501
    quiet 10ms
    host P. 1:501(500) ack 500101
    engine P. 500101:500201(100) ack 501
  )");
}

TEST(Midstream, AfterAcksAloneComesAnotherConnectionWithoutItsSyn) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client . 5001:5001(0) ack 9014
    client . 400001:400001(0) ack 2000000000          # nothing the first could have acked
    client P. 400001:400101(100) ack 2000000000
    engine S 400000:400000(0)
    host S. 0:0(0) ack 400001 <mss 1000>
    engine P. 400001:400101(100) ack 1
    client P. 400101:400201(100) ack 2000000500       # waits for its answer like any turn
    quiet 10ms
    host P. 1:501(500) ack 400101
    engine P. 400101:400201(100) ack 501
  )");
}

TEST(Midstream, DataThatDoesNotFollowTheAckIsInTheMiddleOfATurn) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client P. 6001:6101(100) ack 9001
    quiet 1s
    client P. 6101:6201(100) ack 9501
    engine S 6100:6100(0)
  )");
  EXPECT_EQ(t.lost(LossReason::before_capture), 100U);
}

TEST(Midstream, OffersTimestampsWhereTheClientUsesThem) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001 <TS>
    client P. 5001:5101(100) ack 9001 <TS>
    engine S 5000:5000(0) <mss 1460,sackOK,TS,wscale 7>
  )");
}

TEST(Midstream, WholeOnlyLeavesThemOut) {
  Config config = no_pace();
  config.whole_only = true;
  Script t(config);
  t.play(R"(
    client P. 5001:5101(100) ack 9001
    client P. 5101:5201(100) ack 9501
    client F. 5201:5201(0) ack 9501
    end not_whole captured 200 lost 200 connections 0
    quiet 60s
  )");
  EXPECT_EQ(t.lost_sessions(LossReason::not_whole), 1U);
}

TEST(Midstream, AcksAloneAreNoSession) {
  Script t;
  t.play(R"(
    client . 5001:5001(0) ack 9001
    quiet 299s
    client . 5001:5001(0) ack 9501
    quiet 301s
  )");
  EXPECT_EQ(t.account().sessions_captured, 0U);
  EXPECT_EQ(t.claims(), 0U);
}

TEST(Midstream, ADyingOneIsNoSession) {
  Script t;
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client R 5001:5001(0)
    quiet 10s
  )");
  EXPECT_EQ(t.account().sessions_captured, 0U);
}

TEST(Midstream, OnlyAFinIsLeft) {
  Script t;
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client F. 5001:5001(0) ack 9001
    end mirrored captured 0 connections 0
    quiet 10s
  )");
}

// S10: the test host still holds the connection of an engine that is gone.
TEST(Midstream, AChallengeAckAfterARestartIsResetByItsNumbers) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client P. 5001:5101(100) ack 9001
    engine S 5000:5000(0)
    +10ms host . 777:777(0) ack 4001
    engine R 4001:4001(0)
    engine S 5000:5000(0)
    +10ms host S. 0:0(0) ack 5001 <mss 1000>
    engine P. 5001:5101(100) ack 1
  )");
  EXPECT_EQ(t.counters().challenge_acks, 1U);
}

TEST(Midstream, DataOfTheOldConnectionIsResetToo) {
  Script t(no_pace());
  t.play(R"(
    client . 5001:5001(0) ack 9001
    client P. 5001:5101(100) ack 9001
    engine S 5000:5000(0)
    host P. 777:877(100) ack 4001
    engine R 4001:4001(0)
    engine S 5000:5000(0)
  )");
}

TEST(Midstream, RecordsForNobodyAreReset) {
  Script t;
  t.play(R"(
    host P. 777:877(100) ack 4001
    engine R 4001:4001(0)
    host R 777:777(0)
    quiet 1s
  )");
  EXPECT_EQ(t.counters().header_records_unknown, 2U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
