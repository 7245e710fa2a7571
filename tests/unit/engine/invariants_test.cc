// check_invariants() must be able to say no: each test breaks one thing of a session that is right.
#include "engine/core/invariants.h"

#include <gtest/gtest.h>

#include "engine/core/env.h"

namespace mirrorlab::engine {
namespace {

// Two segments in flight, one that waits, one behind a hole.
class Invariants : public testing::Test {
 protected:
  void SetUp() override {
    s.work = &work;
    s.connection = Connection::established;
    for (int i = 0; i < 4; ++i) {
      segments[i].offset = i * 10;
      segments[i].length = 10;
      work.buffered += segment_cost(segments[i]);
      if (i < 3) work.queue.push_back(&segments[i]);
    }
    segments[0].transmissions = segments[1].transmissions = 1;
    work.queue.next_unsent = &segments[2];
    segments[3].offset = 40;
    work.out_of_order.insert_after(nullptr, &segments[3]);
    work.out_of_order_count = 1;
    work.hole_since = 1;
    s.client_next = 30;
    s.snd_nxt = 20;
    work.rto_at = 5;
    s.bytes_captured = 40;
    ASSERT_EQ(fault(), "");
  }
  std::string fault() const {
    SessionSums sums;
    return check_session(s, sums);
  }
  Session s;
  Work work;
  Segment segments[4];
};

TEST_F(Invariants, AddUp) {
  SessionSums sums;
  s.counted = true;
  ASSERT_EQ(check_session(s, sums), "");
  EXPECT_EQ(sums.pending, 40U);
  EXPECT_EQ(sums.segments, 4U);
  EXPECT_EQ(sums.live, 1U);
  EXPECT_EQ(sums.buffered, work.buffered);
}

TEST_F(Invariants, QueueOrder) {
  segments[1].offset = 5;
  EXPECT_EQ(fault(), "queue out of order at offset 5");
}
TEST_F(Invariants, UnsentWasSent) {
  segments[2].transmissions = 1;
  EXPECT_EQ(fault(), "unsent segment was sent");
}
TEST_F(Invariants, InFlightWasNotSent) {
  segments[1].transmissions = 0;
  EXPECT_EQ(fault(), "segment in flight was never sent");
}
TEST_F(Invariants, SackedAndLost) {
  segments[0].sacked = segments[0].lost = true;
  EXPECT_EQ(fault(), "segment both sacked and lost");
}
TEST_F(Invariants, Links) {
  segments[1].previous = nullptr;
  EXPECT_EQ(fault(), "queue links differ");
}
TEST_F(Invariants, Tail) {
  work.queue.tail = &segments[1];
  EXPECT_EQ(fault(), "queue tail is not its end");
}
TEST_F(Invariants, ScoreboardSums) {
  segments[0].lost = true;
  EXPECT_EQ(fault(), "scoreboard sums differ from the segments");
  work.lost_out = 10;
  EXPECT_EQ(fault(), "");
  work.lost_judged = &segments[1];
  EXPECT_EQ(fault(), "judged, but neither sacked nor lost");
}
TEST_F(Invariants, FirstInFlight) {
  s.snd_una = 3;
  EXPECT_EQ(fault(), "snd_una is not the first segment in flight");
}
TEST_F(Invariants, Timer) {
  work.rto_at = kNever;
  EXPECT_EQ(fault(), "segments in flight and no retransmission timer");
}
TEST_F(Invariants, UnaBeyondNxt) {
  s.connection = Connection::none;
  s.snd_una = 21;
  EXPECT_EQ(fault(), "snd_una beyond snd_nxt");
}
TEST_F(Invariants, AckedTooMuch) {
  s.ack_sent = 1;
  EXPECT_EQ(fault(), "acked more than was received");
}
TEST_F(Invariants, OutOfOrderTouchesTheStream) {
  segments[3].offset = 30;
  EXPECT_EQ(fault(), "out-of-order list overlaps at offset 30");
}
TEST_F(Invariants, OutOfOrderTail) {
  work.out_of_order.tail = nullptr;
  EXPECT_EQ(fault(), "out-of-order tail is not its end");
}
TEST_F(Invariants, OutOfOrderCount) {
  work.out_of_order_count = 2;
  EXPECT_EQ(fault(), "out-of-order segments miscounted");
}
TEST_F(Invariants, HoleWithoutTimer) {
  work.hole_since = 0;
  EXPECT_EQ(fault(), "hole without its timer");
}
TEST_F(Invariants, Buffered) {
  ++work.buffered;
  EXPECT_EQ(fault(), "buffered bytes differ from the segments");
}
TEST_F(Invariants, Account) {
  ++s.bytes_mirrored;
  EXPECT_EQ(fault(), "captured 40 != mirrored 1 + lost 0 + pending 40");
}
TEST_F(Invariants, NothingIsUnderWayWithoutWork) {
  s = Session{};
  ASSERT_EQ(fault(), "");
  s.rcv_ranges = 1;
  EXPECT_EQ(fault(), "something is under way without work");
}
TEST_F(Invariants, FinishedWithBytes) {
  s.connection = Connection::finished;
  EXPECT_EQ(fault(), "finished with bytes pending");
}

}  // namespace
}  // namespace mirrorlab::engine
