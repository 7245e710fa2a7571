// S5 where SACK was not negotiated: fast retransmit (RFC 5681) and NewReno (RFC 6582).
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

class NewReno : public testing::Test {
 protected:
  void SetUp() override {
    t.open(1, "mss 1000", "mss 1000");
    t.play("client P. 1:8001(8000) ack 1");
    ASSERT_EQ(t.take_sent().size(), 8U);
  }
  Script t;
};

TEST_F(NewReno, ThreeDuplicateAcksRetransmitTheFirst) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1
    host . 1:1(0) ack 1
    host . 1:1(0) ack 1
    engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 1
    +10ms host . 1:1(0) ack 8001
    quiet 5s
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 1U);
}

TEST_F(NewReno, APartialAckRetransmitsTheNextHole) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1
    host . 1:1(0) ack 1
    host . 1:1(0) ack 1
    engine . 1:1001(1000) ack 1
    +10ms host . 1:1(0) ack 4001
    engine . 4001:5001(1000) ack 1
    +10ms host . 1:1(0) ack 8001
    quiet 5s
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 1U);
  EXPECT_EQ(t.counters().data_segments_retransmitted, 2U);
}

TEST_F(NewReno, ARecordWithDataOrAnotherWindowIsNoDuplicateAck) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1 win 65000
    host . 1:1(0) ack 1 win 64000
    host . 1:1(0) ack 1 win 63000
    host P. 1:11(10) ack 1
    engine . 8001:8001(0) ack 11
    host P. 11:21(10) ack 1
    engine . 8001:8001(0) ack 21
    host P. 21:31(10) ack 1
    engine . 8001:8001(0) ack 31
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 0U);
}

TEST_F(NewReno, DuplicateAcksLetNewDataOut) {  // RFC 3042, RFC 6582 step 4
  t.play("client P. 8001:12001(4000) ack 1");
  EXPECT_EQ(t.take_sent().size(), 2U);  // the initial window is ten segments
  t.play(R"(
    +10ms host . 1:1(0) ack 1
    engine . 10001:11001(1000) ack 1
    host . 1:1(0) ack 1
    engine P. 11001:12001(1000) ack 1
  )");
}

TEST_F(NewReno, DuplicatesOfWhatAnRtoSentTwiceStartNothing) {  // RFC 6582 section 4.1
  t.play(R"(
    +20ms engine P. 7001:8001(1000) ack 1
    +200ms engine . 1:1001(1000) ack 1
    +10ms host . 1:1(0) ack 1001
    engine . 1001:2001(1000) ack 1
    engine . 2001:3001(1000) ack 1
    +10ms host . 1:1(0) ack 8001
    client P. 8001:9001(1000) ack 1
    engine P. 8001:9001(1000) ack 1
    host . 1:1(0) ack 8001
    host . 1:1(0) ack 8001
    host . 1:1(0) ack 8001
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 0U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
