// S5, SACK: the scoreboard and recovery of RFC 6675.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

// Ten segments of 1000 bytes in flight.
class Sack : public testing::Test {
 protected:
  void SetUp() override {
    t.open();
    t.play("client P. 1:10001(10000) ack 1");
    ASSERT_EQ(t.take_sent().size(), 10U);
  }
  Script t;
};

TEST_F(Sack, ThreeSegmentsAboveAHoleRetransmitIt) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1 <sack 1001:2001>
    host . 1:1(0) ack 1 <sack 1001:3001>
    host . 1:1(0) ack 1 <sack 1001:4001>
    engine . 1:1001(1000) ack 1
    +10ms host . 1:1(0) ack 10001
    quiet 5s
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 1U);
  EXPECT_EQ(t.counters().data_segments_retransmitted, 1U);
  EXPECT_EQ(t.account().bytes_mirrored, 10000U);
}

TEST_F(Sack, OneRecordMayTellOfAllThree) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1 <sack 7001:10001>
    engine . 1:1001(1000) ack 1     # half of the ten may be in the network, three are
    engine . 1001:2001(1000) ack 1
    engine . 2001:3001(1000) ack 1
    engine . 3001:4001(1000) ack 1
    engine . 4001:5001(1000) ack 1
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 1U);
}

TEST_F(Sack, SeveralHolesAreRepairedInOneRecovery) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1001 <sack 2001:3001>
    host . 1:1(0) ack 1001 <sack 4001:5001 2001:3001>
    host . 1:1(0) ack 1001 <sack 4001:6001 2001:3001>
    engine . 1001:2001(1000) ack 1
    host . 1:1(0) ack 1001 <sack 4001:8001 2001:3001>
    engine . 3001:4001(1000) ack 1
    host . 1:1(0) ack 1001 <sack 4001:10001 2001:3001>
    +10ms host . 1:1(0) ack 3001 <sack 4001:10001>
    host . 1:1(0) ack 10001
    quiet 5s
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 1U);
  EXPECT_EQ(t.counters().data_segments_retransmitted, 2U);
}

TEST_F(Sack, ABlockThatGrewToTheLeftIsTakenWhole) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1 <sack 5001:6001>
    host . 1:1(0) ack 1 <sack 3001:6001>      # two more: three above the first hole
    engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 1 <sack 3001:7001>
    engine . 1001:2001(1000) ack 1
  )");
}

TEST_F(Sack, BlocksOutsideWhatIsInFlightAreIgnored) {
  t.play(R"(
    +10ms host . 1:1(0) ack 3001 <sack 1:1001>       # duplicate SACK (RFC 2883)
    host . 1:1(0) ack 3001 <sack 9001:20001>         # never sent
    host . 1:1(0) ack 3001 <sack 6001:5001>          # upside down
    host . 1:1(0) ack 3001 <sack 4001:4501>          # half a segment holds nothing
  )");
  EXPECT_EQ(t.counters().fast_retransmits, 0U);
}

TEST_F(Sack, ALostRetransmissionIsRepairedByTheTimer) {
  t.play(R"(
    +10ms host . 1:1(0) ack 1 <sack 1001:10001>
    engine . 1:1001(1000) ack 1
    +200ms engine . 1:1001(1000) ack 1               # RTO
    +10ms host . 1:1(0) ack 10001
    quiet 5s
  )");
  EXPECT_EQ(t.counters().rto_expirations, 1U);
}

TEST_F(Sack, ARenegingHostGetsItAllAgain) {  // RFC 2018 section 8
  t.play(R"(
    +10ms host . 1:1(0) ack 1 <sack 1001:10001>
    engine . 1:1001(1000) ack 1
    +200ms engine . 1:1001(1000) ack 1
    +10ms host . 1:1(0) ack 1001                     # the rest is gone
    engine . 1001:2001(1000) ack 1
    engine . 2001:3001(1000) ack 1
    +10ms host . 1:1(0) ack 3001
    engine . 3001:4001(1000) ack 1
    engine . 4001:5001(1000) ack 1
    engine . 5001:6001(1000) ack 1
    engine . 6001:7001(1000) ack 1
    +10ms host . 1:1(0) ack 10001
  )");
}

TEST_F(Sack, AnAckWithinASegmentCutsIt) {
  t.play(R"(
    +10ms host . 1:1(0) ack 501
    host . 1:1(0) ack 501 <sack 1001:10001>
    engine . 501:1001(500) ack 1
    +10ms host . 1:1(0) ack 10001
    quiet 1s
  )");
}

TEST_F(Sack, TheProbeFindsALostTail) {
  t.play(R"(
    +10ms host . 1:1(0) ack 9001
    +70ms engine P. 9001:10001(1000) ack 1
    +10ms host . 1:1(0) ack 10001
    quiet 5s
  )");
  EXPECT_EQ(t.counters().tail_loss_probes, 1U);
  EXPECT_EQ(t.counters().rto_expirations, 0U);
}

TEST_F(Sack, TheProbesSackStartsTheRepairOfALostTail) {
  t.play(R"(
    +10ms host . 1:1(0) ack 6001
    +20ms engine P. 9001:10001(1000) ack 1
    +10ms host . 1:1(0) ack 6001 <sack 9001:10001>
    +200ms engine . 6001:7001(1000) ack 1
  )");
}

// The cost of a record must not grow with what is in flight: 64 MiB in small segments, a third of
// them lost, in a time that a walk along the queue for each record would exceed by far.
TEST(SackCost, DoesNotGrowWithTheFlight) {
  Config config = Script::config();
  config.wait_for_answers = false;
  Script t(config);
  t.open(1, "mss 1460,sackOK,wscale 14", "mss 100,sackOK,wscale 14");
  t.unchecked(true);  // check_invariants() walks everything
  int64_t at = 1;
  for (int i = 0; i < 100; ++i) {
    kit::Notation p;
    p.flags = 0x10;
    p.seq = at;
    p.length = 40000;
    p.ack = 1;
    t.client(1, p);
    at += p.length;
  }
  // Open the congestion window.
  int64_t acked = 1;
  for (int i = 0; i < 40; ++i) {
    for (const auto& s : t.take_sent()) acked = std::max(acked, s.seq + s.length);
    kit::Notation r;
    r.flags = 0x10;
    r.seq = 1;
    for (int64_t a = std::max<int64_t>(1, acked - 4000); a <= acked; a += 100) {
      r.ack = a;
      t.host(1, r);
    }
  }
  const auto flight = t.take_sent();
  ASSERT_GT(flight.size(), 500U);
  const int64_t end = flight.back().seq + 100;
  for (int64_t right = acked + 200; right <= end; right += 300) {
    kit::Notation r;
    r.flags = 0x10;
    r.seq = 1;
    r.ack = acked;
    r.sack = {{right - 100, right}};
    if (right - 400 >= acked) r.sack.emplace_back(right - 400, right - 300);
    t.host(1, r);
  }
  EXPECT_GT(t.take_sent().size(), 100U);
  EXPECT_EQ(t.core().check_invariants(), "");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
