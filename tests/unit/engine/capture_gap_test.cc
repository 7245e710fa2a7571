// S2: bytes that were never captured cost a turn, and nothing waits for them for ever.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

Config no_pace() {
  Config c = Script::config();
  c.pace = Pace::none;
  return c;
}

TEST(CaptureGap, IsCertainOnceTheClientWasAnsweredBeyondIt) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client . 101:101(0) ack 501
    # 101:201 is missed; its answer is acked by itself, then the next turn comes
    client . 201:201(0) ack 1001
    client P. 201:301(100) ack 1001
    +2s engine R. 101:101(0) ack 501
    engine S 200:200(0)
    +10ms host S. 0:0(0) isn 7 ack 201 <mss 1000>
    engine P. 201:301(100) ack 1
    host P. 1:501(500) ack 301
    engine . 301:301(0) ack 501
    client F. 301:301(0) ack 1501
    engine F. 301:301(0) ack 501
    host F. 501:501(0) ack 302
    engine . 302:302(0) ack 502
    end capture_gap captured 300 mirrored 200 lost 100 connections 2
  )");
}

TEST(CaptureGap, WithoutThatEvidenceItWaitsForTheClient) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 101:201(100) ack 1
    quiet 119s
    +1s engine R. 1:1(0) ack 1
    client F. 201:201(0) ack 1
    end capture_gap captured 200 lost 200 mirrored 0
  )");
}

TEST(CaptureGap, AnAnswerToWhatCameBeforeItIsNoProof) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    # A client that pipelines: the answer to the first request comes after the third was lost online.
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client P. 201:301(100) ack 501
    client . 301:301(0) ack 501
    quiet 62s
    client P. 101:201(100) ack 501      # its sixth retransmission came through
    engine P. 101:201(100) ack 501
    engine P. 201:301(100) ack 501
  )");
  EXPECT_EQ(t.lost(LossReason::capture_gap), 0U);
}

TEST(CaptureGap, AClientThatSendsNewDataLongAfterIsNotRepairingIt) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    # An upload: nothing is answered, so no ack can prove anything.
    client . 1:1001(1000) ack 1
    engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 1001
    client . 2001:3001(1000) ack 1
    quiet 3s
    client . 3001:4001(1000) ack 1
    +2s engine R. 1001:1001(0) ack 1
  )");
  EXPECT_EQ(t.lost(LossReason::capture_gap), 3000U);
}

TEST(CaptureGap, ATestHostThatHasNotAnsweredYetProvesNothing) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client P. 201:301(100) ack 501
    quiet 1900ms
    host P. 1:301(300) ack 101          # still at it
    engine . 101:101(0) ack 301
    quiet 1900ms
    host P. 301:501(200) ack 101        # all that the client was told
    engine . 101:101(0) ack 501
    quiet 60s
    client P. 101:201(100) ack 501
    engine P. 101:201(100) ack 501
    engine P. 201:301(100) ack 501
  )");
  EXPECT_EQ(t.lost(LossReason::capture_gap), 0U);
}

TEST(CaptureGap, TheRestOfARetransmissionWithALaterAckBeginsNoTurn) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client P. 201:301(100) ack 501        # 101:201 is missed
    client P. 251:351(100) ack 601
    +2s engine R. 101:101(0) ack 501
    quiet 1s
    client P. 351:451(100) ack 701
    engine S 350:350(0)
    +10ms host S. 0:0(0) isn 7 ack 351 <mss 1000>
    engine P. 351:451(100) ack 1
  )");
  EXPECT_EQ(t.lost(LossReason::capture_gap), 250U);
}

TEST(CaptureGap, TheRestOfATurnWithAHoleIsNotSentAsATurn) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    # The turn is 101:301, its first segment is missed; what was seen of it carries its ack.
    client P. 201:301(100) ack 501
    quiet 5s
    client P. 301:401(100) ack 1001
    +2s engine R. 101:101(0) ack 501
    engine S 300:300(0)
    host S. 0:0(0) isn 7 ack 301 <mss 1000>
    engine P. 301:401(100) ack 1
  )");
  EXPECT_EQ(t.lost(LossReason::capture_gap), 200U);
}

TEST(CaptureGap, AHoleWithinATurnThatIsOnItsWayCostsThatTurn) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client . 1:1001(1000) ack 1
    engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 1001
    client P. 2001:3001(1000) ack 1    # 1001:2001 is missed
    client P. 3001:3101(100) ack 501   # the next turn
    +2s engine R. 1001:1001(0) ack 1
    engine S 3000:3000(0)
    host S. 0:0(0) isn 7 ack 3001 <mss 1000>
    engine P. 3001:3101(100) ack 1
  )");
  EXPECT_EQ(t.lost(LossReason::capture_gap), 2000U);
  EXPECT_EQ(t.account().bytes_mirrored, 1000U);
}

TEST(CaptureGap, TheConnectionIsResetOnlyWhenTheTurnBeforeWasAnswered) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client P. 201:301(100) ack 1001
    quiet 3s
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    host P. 501:1001(500) ack 101
    engine . 101:101(0) ack 1001
    +25ms engine R. 101:101(0) ack 1001
  )");
}

TEST(CaptureGap, SeveralHolesOneAfterTheOther) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 101:201(100) ack 1
    client P. 301:401(100) ack 1
    client P. 501:601(100) ack 1
    client . 601:601(0) ack 501
    +2s engine R. 1:1(0) ack 1
    quiet 60s
    client F. 601:601(0) ack 501
    end capture_gap captured 600 lost 600
  )");
}

TEST(CaptureGap, BehindAnotherTheResetIsSentOnce) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 101:201(100) ack 1
    client . 201:201(0) ack 501
    +2s engine R. 1:1(0) ack 1
    client P. 301:401(100) ack 501
    quiet 121s
    client P. 401:501(100) ack 1001
    engine S 400:400(0)
    host S. 0:0(0) isn 7 ack 401 <mss 1000>
    engine P. 401:501(100) ack 1
  )");
}

TEST(CaptureGap, WithoutReopenTheSessionIsOver) {
  Config config = no_pace();
  config.reopen = false;
  Script t(config);
  t.open();
  t.play(R"(
    client P. 101:201(100) ack 1
    client . 201:201(0) ack 501
    +2s engine R. 1:1(0) ack 1
    client P. 201:301(100) ack 501
    quiet 60s
    client F. 301:301(0) ack 501
    end capture_gap captured 300 lost 300 connections 1
  )");
}

TEST(CaptureGap, TooManySegmentsBehindOneHoleEndTheWait) {
  Config config = no_pace();
  config.max_out_of_order = 10;
  Script t(config);
  t.open();
  for (int i = 0; i < 10; ++i) {
    const std::string at = std::to_string(101 + 2 * i), end = std::to_string(102 + 2 * i);
    t.play("client P. " + at + ":" + end + "(1) ack 1");
  }
  EXPECT_EQ(t.take_sent().size(), 0U);
  t.play("client P. 301:302(1) ack 1\nengine R. 1:1(0) ack 1");
  EXPECT_GT(t.lost(LossReason::capture_gap), 100U);
}

TEST(CaptureGap, AtTheFin) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client F. 101:101(0) ack 501
    +2s engine R. 1:1(0) ack 1
    end capture_gap captured 100 lost 100
  )");
}

TEST(CaptureGap, AcksOfMissedTurnsAreNotWaitedForAtTheGap) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    # 101:301 is missed, two turns; only acks of their answers are captured
    client . 201:201(0) ack 1001
    client . 301:301(0) ack 1501
    client P. 301:401(100) ack 1501
    +2s engine R. 101:101(0) ack 501
    engine S 300:300(0)
    +10ms host S. 0:0(0) isn 7 ack 301 <mss 1000>
    engine P. 301:401(100) ack 1
    host P. 1:501(500) ack 401
    engine . 401:401(0) ack 501
    client F. 401:401(0) ack 2001
    engine F. 401:401(0) ack 501
    host F. 501:501(0) ack 402
    engine . 402:402(0) ack 502
    end capture_gap captured 400 mirrored 200 lost 200 connections 2
  )");
}

TEST(CaptureGap, ALastTurnOfWhichOnlyTheAckWasCapturedIsCounted) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client . 101:101(0) ack 501
    # 101:301 is missed, and nothing but the ack of its answer follows
    client . 301:301(0) ack 1001
    shutdown
    engine R. 101:101(0) ack 501
    # one number may have been a FIN's
    end capture_gap captured 299 mirrored 100 lost 199
  )");
}

TEST(CaptureGap, ALastPacketCutByTheCaptureIsCounted) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client P. 101:301(200) ack 501 cut 50
    shutdown
    engine R. 101:101(0) ack 501
    end capture_gap captured 299 mirrored 100 lost 199
  )");
}

TEST(CaptureGap, ASessionSilentSinceALossIsNotCountedAsMirrored) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client . 101:101(0) ack 501
    +1s lost
    +1s shutdown
    engine R. 101:101(0) ack 501
    end capture_gap captured 100 mirrored 100 lost 0
  )");
  EXPECT_EQ(t.account().sessions_mirrored, 0U);
  EXPECT_EQ(t.lost_sessions(LossReason::capture_gap), 1U);
}

TEST(CaptureGap, ASessionHeardOfAfterALossIsWhole) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    +1s lost
    +1s client . 101:101(0) ack 501
    quiet 200s
    shutdown
    engine R. 101:101(0) ack 501
    end mirrored captured 100 mirrored 100 lost 0
  )");
}

TEST(CaptureGap, ASilentTwinIsLetGoAndAClientThatGoesOnLosesNothing) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client . 101:101(0) ack 501
    +1s lost
    quiet 119s
    +1s engine R. 101:101(0) ack 501
    quiet 60s
    client P. 101:201(100) ack 501
    engine S 100:100(0)
    +10ms host S. 0:0(0) isn 7 ack 101 <mss 1000>
    engine P. 101:201(100) ack 1
    host P. 1:501(500) ack 201
    engine . 201:201(0) ack 501
    client F. 201:201(0) ack 1001
    engine F. 201:201(0) ack 501
    host F. 501:501(0) ack 202
    engine . 202:202(0) ack 502
    end mirrored captured 200 mirrored 200 lost 0 connections 2
  )");
}

TEST(CaptureGap, AnAckBehindAMissedFinLetsGoToo) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client . 101:101(0) ack 501
    +1s lost
    # the FIN is missed, the ack of the online host's is not
    +10ms client . 102:102(0) ack 502
    quiet 179s
    +990ms engine R. 101:101(0) ack 501
    shutdown
    end capture_gap captured 100 mirrored 100 lost 0
  )");
}

TEST(CaptureGap, ATwinOpenedBehindAHoleIsLetGoToo) {
  Config c = no_pace();
  c.gap_grace = 200 * kSecond;  // the hole is still waited for then
  Script t(c);
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client . 101:101(0) ack 501
    # 101:201 is missed; what follows waits for it
    +1ms client . 201:201(0) ack 1001
    client P. 201:301(100) ack 1001
    lost
    quiet 119s
    +1s engine R. 101:101(0) ack 501
    engine S 200:200(0)
    +10ms host S. 0:0(0) isn 7 ack 201 <mss 1000>
    engine P. 201:301(100) ack 1
    host P. 1:501(500) ack 301
    engine . 301:301(0) ack 501
    +25ms engine R. 301:301(0) ack 501
    shutdown
    end capture_gap captured 300 mirrored 200 lost 100 connections 2
  )");
}

TEST(CaptureGap, AFourTupleUsedAgainAfterALossWasNotSupersededByChoice) {
  Script t(no_pace());
  t.open();
  t.share_port(2, 1);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    +1s lost
    +1s client/2 S 0:0(0) <mss 1000,sackOK,wscale 7>
    engine R. 101:101(0) ack 501
    end capture_gap captured 100 mirrored 100 lost 0
    engine/2 S 0:0(0)
  )");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
