// S3: a turn leaves when the test host has answered the one before it.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

Config no_pace() {
  Config c = Script::config();
  c.pace = Pace::none;
  return c;
}

class Turns : public testing::Test {
 protected:
  // The first turn is on its way and acked.
  void SetUp() override {
    t.open();
    t.play(R"(
      client P. 1:101(100) ack 1
      engine P. 1:101(100) ack 1
      host . 1:1(0) ack 101
    )");
  }
  Script t{no_pace()};
};

TEST_F(Turns, WaitForAsManyAnswerBytesAsOnline) {
  t.play(R"(
    client P. 101:201(100) ack 1001
    quiet 200ms
    host . 1:501(500) ack 101
    engine . 101:101(0) ack 501
    host P. 501:1001(500) ack 101
    engine P. 101:201(100) ack 1001
  )");
  EXPECT_EQ(t.counters().turns, 2U);
}

TEST_F(Turns, PipelinedSegmentsWithTheSameAckAreOne) {
  t.play(R"(
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    client P. 201:301(100) ack 1001
    client P. 301:401(100) ack 1001
    quiet 50ms
    host P. 1:1001(1000) ack 201
    engine P. 201:301(100) ack 1001
    engine P. 301:401(100) ack 1001
  )");
  EXPECT_EQ(t.counters().turns, 2U);
}

TEST_F(Turns, SilenceIsWaitedForLongerWhereAnswersGetLost) {
  // The end of the answer, and its first retransmission, are lost; that anything is lost on this
  // path at all shows an earlier segment that came again.
  t.play(R"(
    client P. 101:201(100) ack 1001
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    quiet 1200ms
    host P. 501:1001(500) ack 101
    engine P. 101:201(100) ack 1001
  )");
  EXPECT_EQ(t.counters().turn_released_by_quiet, 0U);
}

TEST_F(Turns, AShorterAnswerIsOverWhenTheHostFallsQuiet) {
  t.play(R"(
    client P. 101:201(100) ack 1001
    host P. 1:801(800) ack 101
    engine . 101:101(0) ack 801
    +1000ms engine P. 101:201(100) ack 801     # not known yet that answers differ: with patience
    host . 801:801(0) ack 201
    client P. 201:301(100) ack 2001
    host P. 801:1601(800) ack 201
    engine . 201:201(0) ack 1601
    +25ms engine P. 201:301(100) ack 1601     # known now
  )");
  EXPECT_EQ(t.counters().turn_released_by_quiet, 2U);
}

TEST_F(Turns, SilenceDoesNotCountWhileTheHeaderReturnIsBehind) {
  t.play(R"(
    client P. 101:201(100) ack 1001
    host P. 1:801(800) ack 101
    engine . 101:101(0) ack 801
    quiet 900ms
    late
    quiet 900ms
    late
    quiet 999ms
    +1ms engine P. 101:201(100) ack 801
  )");
  EXPECT_EQ(t.counters().turn_released_by_quiet, 1U);
}

TEST_F(Turns, AnUnfinishedAnswerIsNotQuiet) {
  t.play(R"(
    client P. 101:201(100) ack 1001
    host . 1:801(800) ack 101                 # no PSH: more comes
    engine . 101:101(0) ack 801
    quiet 2s
    host P. 801:901(100) ack 101
    engine . 101:101(0) ack 901
    +1000ms engine P. 101:201(100) ack 901
  )");
}

TEST_F(Turns, AnAnswerWithAHoleIsNotQuiet) {
  t.play(R"(
    client P. 101:201(100) ack 1001
    host P. 1:401(400) ack 101
    engine . 101:101(0) ack 401
    host P. 501:801(300) ack 101
    engine . 101:101(0) ack 401
    quiet 2s
    host P. 401:501(100) ack 101
    engine . 101:101(0) ack 801
    +1300ms engine P. 101:201(100) ack 801    # packets get lost here: with more patience
  )");
}

TEST_F(Turns, ALongerAnswerIsWaitedForUntilQuiet) {
  t.play(R"(
    +10ms client P. 101:201(100) ack 501
    host . 1:1001(1000) ack 101
    engine . 101:101(0) ack 1001
    +20ms host P. 1001:1501(500) ack 101
    engine . 101:101(0) ack 1501
    +25ms engine P. 101:201(100) ack 1501
    # Positions are those after the whole answer: the surplus releases nothing later.
    host . 1501:1501(0) ack 201
    client P. 201:301(100) ack 1001
    quiet 300ms
    host P. 1501:2001(500) ack 201
    engine P. 201:301(100) ack 2001
  )");
}

TEST_F(Turns, ASurplusThatWasNoLongerAnswerHoldsForAMomentOnly) {
  t.play(R"(
    +20ms client P. 101:201(100) ack 501
    host P. 1:1001(1000) ack 101
    engine . 101:101(0) ack 1001
    +25ms engine P. 101:201(100) ack 1001     # taken for the longer answer of a patient client
    host . 1001:1001(0) ack 201
    client P. 201:301(100) ack 1001
    +1000ms engine P. 201:301(100) ack 1001
    host . 1001:1001(0) ack 301
    client P. 301:401(100) ack 1501
    quiet 400ms                               # the positions are those of counting again
    host P. 1001:1501(500) ack 301
    engine P. 301:401(100) ack 1501
  )");
  EXPECT_EQ(t.counters().turn_released_by_timeout, 0U);
}

TEST_F(Turns, AHostThatNeverFallsQuietDoesNotHoldTheClient) {
  t.play("+10ms client P. 101:201(100) ack 501");
  int64_t at = 1;
  bool sent = false;
  for (int i = 0; i < 30 && !sent; ++i) {
    t.play("+10ms host . " + std::to_string(at) + ":" + std::to_string(at + 600) + "(600) ack 101");
    at += 600;
    for (const auto& p : t.take_sent()) sent |= p.length > 0;
  }
  EXPECT_TRUE(sent);
}

TEST_F(Turns, AnAnswerThatNeverComesIsGivenUpAtTheHoldLimit) {
  t.play(R"(
    client P. 101:201(100) ack 1001
    +5s engine P. 101:201(100) ack 1
  )");
  t.take_sent();
  EXPECT_EQ(t.counters().turn_released_by_timeout, 1U);
}

TEST_F(Turns, TheHoldLimitRunsFromWhenAllIsAcked) {
  t.play(R"(
    client P. 101:201(100) ack 1
    engine P. 101:201(100) ack 1
    client P. 201:301(100) ack 1001
    +50ms host . 1:1(0) ack 201
    quiet 4900ms
    +100ms engine P. 201:301(100) ack 1
  )");
}

TEST_F(Turns, NothingIsGivenUpWhileTheHeaderReturnIsDown) {
  t.play(R"(
    client P. 101:201(100) ack 1001
    link down
    quiet 20s
    link up
    quiet 4s
    +1s engine P. 101:201(100) ack 1
  )");
  t.take_sent();
}

TEST_F(Turns, WithoutWaitingTheyLeaveAtOnce) {
  Config config = no_pace();
  config.wait_for_answers = false;
  Script u(config);
  u.open();
  u.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client P. 101:201(100) ack 1001
    engine P. 101:201(100) ack 1
  )");
}

TEST_F(Turns, ASurplusThatCameLateReleasesOneTurnNotAll) {
  t.play(R"(
    client P. 101:201(100) ack 101
    client P. 201:301(100) ack 201
    quiet 400ms
    host . 1:901(900) ack 101              # a longer answer, not at its end
    engine . 101:101(0) ack 901
    host . 901:1401(500) ack 101           # its tail
    engine . 101:101(0) ack 1401
    +25ms engine P. 101:201(100) ack 1401
    quiet 20ms
    host P. 1401:1551(150) ack 201
    engine . 201:201(0) ack 1551
    +25ms engine P. 201:301(100) ack 1551
  )");
}

TEST(TurnSurplus, ThatCameBeforeATurnLeftIsNoAnswerToIt) {
  Script t{no_pace()};
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client P. 101:201(100) ack 101
    client P. 201:301(100) ack 201
    host . 1:901(900) ack 1                # the ack of the request is late
    engine . 101:101(0) ack 901
    quiet 50ms
    host . 901:901(0) ack 101
    +25ms engine P. 101:201(100) ack 901
    host . 901:901(0) ack 201
    quiet 900ms
    host P. 901:1001(100) ack 201
    engine P. 201:301(100) ack 1001
  )");
}

TEST_F(Turns, AnAckThatOvertookASegmentMakesItNoTurn) {
  t.play(R"(
    client . 201:201(0) ack 501
    client P. 101:201(100) ack 1           # sent before it
    engine P. 101:201(100) ack 1
    client P. 201:301(100) ack 501
    quiet 50ms
  )");
}

TEST_F(Turns, ALongerAnswerThatComesLateGetsItsMomentToo) {
  t.play(R"(
    client P. 101:201(100) ack 501
    quiet 1s
    host . 1:1001(1000) ack 101            # its first packet was lost for a second
    engine . 101:101(0) ack 1001
    quiet 20ms
    host P. 1001:1501(500) ack 101
    engine . 101:101(0) ack 1501
    +25ms engine P. 101:201(100) ack 1501
  )");
}

TEST_F(Turns, AnInterimAnswerBeginsATurn) {  // 100 Continue
  t.play(R"(
    client P. 101:201(100) ack 26
    quiet 100ms
    host P. 1:26(25) ack 101
    engine P. 101:201(100) ack 26
    host . 26:26(0) ack 201
    client P. 201:301(100) ack 526
    quiet 100ms
    host P. 26:526(500) ack 201
    engine P. 201:301(100) ack 526
  )");
}

TEST(TurnsServerFirst, TheFirstTurnWaitsForTheGreeting) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client . 1:1(0) ack 51
    client P. 1:101(100) ack 51
    quiet 1s
    host P. 1:51(50) ack 1
    engine P. 1:101(100) ack 51
  )");
}

TEST(TurnsServerFirst, AHostThatHasNotGotOurAckIsNotSilent) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    host S. 0:0(0) ack 1 <mss 1000>
    engine . 1:1(0) ack 1
    client . 1:1(0) ack 1
    client P. 1:101(100) ack 501
    +3s host S. 0:0(0) ack 1 <mss 1000>   # the ack was lost
    engine . 1:1(0) ack 1
    quiet 4900ms
    +100ms engine P. 1:101(100) ack 1
  )");
  EXPECT_EQ(t.counters().turn_released_by_timeout, 1U);
}

TEST(TurnsServerFirst, AlsoOnALaterConnectionOfTheSession) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 51
    host P. 1:51(50) ack 1
    engine P. 1:101(100) ack 51
    host R. 51:51(0) ack 1
    client P. 101:201(100) ack 151
    engine S 100:100(0)
    +10ms host S. 0:0(0) isn 99 ack 101 <mss 1000>
    engine . 101:101(0) ack 1
    quiet 1s
    host P. 1:51(50) ack 101
    engine P. 101:201(100) ack 51
  )");
}

TEST(TurnsClose, TheFinWaitsForTheAnswer) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client F. 101:101(0) ack 1001
    quiet 200ms
    host P. 1:1001(1000) ack 101
    engine F. 101:101(0) ack 1001
  )");
}

TEST(TurnsClose, AHostThatClosesIsAsQuietAsCanBe) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client F. 101:101(0) ack 1002
    host FP. 1:501(500) ack 101
    engine F. 101:101(0) ack 502
    host . 502:502(0) ack 102
    end mirrored
  )");
  EXPECT_EQ(t.counters().turn_released_by_quiet, 1U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
