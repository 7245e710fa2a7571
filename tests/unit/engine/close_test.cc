// S8: FIN, half close, and the test host closing first.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

Config no_pace() {
  Config c = Script::config();
  c.pace = Pace::none;
  return c;
}

TEST(Close, ClientFirst) {
  Script t;
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host . 1:1(0) ack 2
    host F. 1:1(0) ack 2
    engine . 2:2(0) ack 2
    end mirrored
    host F. 1:1(0) ack 2          # TIME-WAIT: the last ack was lost
    engine . 2:2(0) ack 2
    quiet 20s
    host F. 1:1(0) ack 2          # forgotten
    engine R 2:2(0)
  )");
  EXPECT_EQ(t.claims(), 0U);
  EXPECT_EQ(t.account().sessions_mirrored, 1U);
}

TEST(Close, AnswerRepeatedInTimeWaitIsAckedNotReset) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client F. 101:101(0) ack 501
    engine F. 101:101(0) ack 501
    host F. 501:501(0) ack 102
    engine . 102:102(0) ack 502
    end mirrored captured 100
    host P. 1:501(500) ack 101       # on its way for long
    engine . 102:102(0) ack 502
    host P. 502:602(100) ack 102     # of no connection we know
    engine R 102:102(0)
  )");
}

TEST(Close, TimeWaitOutlastsTheRetransmissionsOfASlowPath) {
  Script t(no_pace());
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0)
    +990ms host S. 0:0(0) ack 1 win 65535 <mss 1000>
    engine . 1:1(0) ack 1
    client . 1:1(0) ack 1
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    +900ms host F. 1:1(0) ack 2
    engine . 2:2(0) ack 2
    end mirrored
    quiet 6s
    host F. 1:1(0) ack 2             # two of its retransmissions were lost
    engine . 2:2(0) ack 2
  )");
}

TEST(Close, FinWithDataKeepsItsPlace) {
  Script t;
  t.open();
  t.play(R"(
    client FP. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    engine F. 101:101(0) ack 1
    host F. 1:1(0) ack 102
    engine . 102:102(0) ack 2
    end mirrored captured 100
  )");
}

TEST(Close, HalfCloseGoesOnReceiving) {
  Script t;
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host . 1:1(0) ack 2
    +20s host P. 1:1001(1000) ack 2
    engine . 2:2(0) ack 1001
    +20s host P. 1001:2001(1000) ack 2
    engine . 2:2(0) ack 2001
    client . 2:2(0) ack 2001
    host F. 2001:2001(0) ack 2
    engine . 2:2(0) ack 2002
    end mirrored answer 2000
  )");
}

TEST(Close, AHostThatNeverClosesIsResetAfterFinWait2) {
  Config config = Script::config();
  config.fin_wait_timeout = 3 * kSecond;
  Script t(config);
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host . 1:1(0) ack 2
    +3s engine R. 2:2(0) ack 1
    end mirrored
  )");
}

TEST(Close, Simultaneous) {
  Script t;
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host F. 1:1(0) ack 1           # crossed ours
    engine . 2:2(0) ack 2
    host . 2:2(0) ack 2
    end mirrored
  )");
}

TEST(Close, TestHostFirst) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host FP. 1:501(500) ack 101
    engine . 101:101(0) ack 502
    quiet 3s
    client F. 101:101(0) ack 502   # as the online host did
    engine F. 101:101(0) ack 502
    host . 502:502(0) ack 102
    end mirrored captured 100
  )");
}

TEST(Close, TestHostFirstAndTheClientGoesOn) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host FP. 1:501(500) ack 101
    engine . 101:101(0) ack 502
    client P. 101:201(100) ack 501           # the online host did not close
    engine F. 101:101(0) ack 502
    engine S 100:100(0)
    +10ms host S. 0:0(0) isn 5 ack 101 <mss 1000>
    engine P. 101:201(100) ack 1
    host FP. 1:501(500) ack 201
    engine . 201:201(0) ack 502
    client F. 201:201(0) ack 1001
    engine F. 201:201(0) ack 502
    host . 502:502(0) ack 202
    end mirrored captured 200 connections 2
  )");
  EXPECT_EQ(t.counters().reopened, 1U);
}

TEST(Close, ATurnThatMeetsTheFinOnItsWayIsAckedBeforeTheNextOneOpensAnother) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host P. 1:501(500) ack 101
    engine . 101:101(0) ack 501
    client P. 101:201(100) ack 501
    engine P. 101:201(100) ack 501
    host F. 501:501(0) ack 101               # it closed before that came
    engine . 201:201(0) ack 502
    client P. 201:301(100) ack 1001          # its answer can no longer come: not on this connection
    host . 502:502(0) ack 201
    engine F. 201:201(0) ack 502
    engine S 200:200(0)
    +10ms host S. 0:0(0) isn 5 ack 201 <mss 1000>
    engine P. 201:301(100) ack 1
  )");
  EXPECT_EQ(t.counters().turn_released_by_quiet, 0U);
}

TEST(Close, BytesInFlightWhenTheHostHasClosedForGood) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client . 1:1001(1000) ack 1
    engine . 1:1001(1000) ack 1
    host F. 1:1(0) ack 1
    engine . 1001:1001(0) ack 2
    host R 2:2(0)                            # it takes nothing more
    client P. 1001:1101(100) ack 1           # the same turn
    client F. 1101:1101(0) ack 1
    end test_closed_first captured 1100 lost 1100
  )");
}

TEST(Close, WithoutReopenALaterTurnIsLost) {
  Config config = no_pace();
  config.reopen = false;
  Script t(config);
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host FP. 1:501(500) ack 101
    engine . 101:101(0) ack 502
    client P. 101:201(100) ack 501
    engine F. 101:101(0) ack 502
    client F. 201:201(0) ack 1001
    end test_closed_first captured 200 mirrored 100 lost 100 connections 1
  )");
}

TEST(Close, AHostThatClosesEveryConnectionAtOnceTakesATurnEachTime) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client . 1:1(0) ack 51                   # greeted
    host F. 1:1(0) ack 1
    engine . 1:1(0) ack 2
    client P. 1:101(100) ack 51
    engine F. 1:1(0) ack 2
    quiet 10s
    client F. 101:101(0) ack 51
    end test_closed_first captured 100 lost 100
  )");
}

TEST(Close, TestHostResets) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host R. 1:1(0) ack 101
    client P. 101:201(100) ack 1             # the same turn: lost with it
    client P. 201:301(100) ack 501
    engine S 200:200(0)
    +10ms host S. 0:0(0) isn 5 ack 201 <mss 1000>
    engine P. 201:301(100) ack 1
    host . 1:1(0) ack 301
    client R. 301:301(0) ack 501
    engine R. 301:301(0) ack 1
    end test_reset captured 300 mirrored 100 lost 200 connections 2
  )");
}

TEST(Close, AResetAheadOfLostRecordsIsBelieved) {
  Script t;
  t.open();
  t.play(R"(
    host R 1001:1001(0)
    client F. 1:1(0) ack 1
    end mirrored captured 0
  )");
}

TEST(Close, AResetOfAnEarlierConnectionIsNot) {
  Script t;
  t.open();
  t.play(R"(
    host R 900000000:900000000(0)
    host R -5:-5(0)
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
  )");
  EXPECT_EQ(t.counters().header_records_unacceptable, 2U);
}

TEST(Close, StrayRecordsAfterItAreReset) {
  Script t;
  t.open();
  t.play(R"(
    client F. 1:1(0) ack 1
    engine F. 1:1(0) ack 1
    host F. 1:1(0) ack 2
    engine . 2:2(0) ack 2
    host P. 2:102(100) ack 2
    engine R 2:2(0)
    host R 2:2(0)
    host . 2:2(0) ack 2
    quiet 5s
  )");
}

TEST(Close, RecordsBetweenTwoConnectionsAreReset) {
  Script t(no_pace());
  t.open();
  t.play(R"(
    host R. 1:1(0) ack 1
    host P. 1:101(100) ack 1
    engine R 1:1(0)
    host R 1:1(0)
    host P 1:101(100)                        # without ACK: the reset acks it, from sequence 0
  )");
  const auto sent = t.take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].ack, 101);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
