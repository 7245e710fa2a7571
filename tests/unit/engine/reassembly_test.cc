// S2: in order, whole, never invented; of overlapping bytes the first received count.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Reassembly, AHoleWaitsForTheClientsRetransmission) {
  Script t;
  t.open();
  t.play(R"(
    client P. 101:201(100) ack 1
    client P. 301:401(100) ack 1
    quiet 500ms
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    engine P. 101:201(100) ack 1
    client P. 201:301(100) ack 1
    engine P. 201:301(100) ack 1
    engine P. 301:401(100) ack 1
    host . 1:1(0) ack 401
  )");
  EXPECT_EQ(t.account().bytes_mirrored, 400U);
}

TEST(Reassembly, SegmentsInReverse) {
  Script t;
  t.open();
  t.play(R"(
    client . 301:401(100) ack 1
    client . 201:301(100) ack 1
    client . 101:201(100) ack 1
    client . 1:101(100) ack 1
    engine . 1:101(100) ack 1
    engine . 101:201(100) ack 1
    engine . 201:301(100) ack 1
    engine . 301:401(100) ack 1
  )");
}

TEST(Reassembly, ARetransmissionIsCountedAndNotSentAgain) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client P. 1:101(100) ack 1
    client P. 51:151(100) ack 1      # in part new
    engine P. 101:151(50) ack 1
  )");
  EXPECT_EQ(t.counters().packets_retransmitted_online, 1U);
  EXPECT_EQ(t.counters().overlap_conflicts, 0U);
  EXPECT_EQ(t.account().bytes_captured, 150U);
}

TEST(Reassembly, FirstReceivedWinsInOrder) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1 differs
    engine P. 1:101(100) ack 1 differs
    client P. 1:101(100) ack 1
    client P. 1:151(150) ack 1
    engine P. 101:151(50) ack 1
  )");
  EXPECT_EQ(t.counters().overlap_conflicts, 2U);
}

TEST(Reassembly, FirstReceivedWinsOutOfOrder) {
  Script t;
  t.open();
  t.play(R"(
    client . 101:201(100) ack 1 differs
    client . 51:301(250) ack 1        # around it
    client . 1:151(150) ack 1         # and over both
    engine . 1:51(50) ack 1
    engine . 51:101(50) ack 1
    engine . 101:201(100) ack 1 differs
    engine . 201:301(100) ack 1
  )");
  EXPECT_EQ(t.counters().overlap_conflicts, 2U);
  EXPECT_EQ(t.account().bytes_captured, 300U);
}

TEST(Reassembly, ConflictsAreLookedForInWhatIsStillHeld) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client P. 1:101(100) ack 1 differs
  )");
  EXPECT_EQ(t.counters().overlap_conflicts, 0U);
  EXPECT_EQ(t.counters().packets_retransmitted_online, 1U);
}

TEST(Reassembly, AKeepAliveProbeIsNoData) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client . 100:100(0) ack 1
    client . 100:101(1) ack 1 differs  # one byte of garbage
    quiet 50ms
  )");
  EXPECT_EQ(t.counters().overlap_conflicts, 0U);
}

TEST(Reassembly, ACutPacketWasNotCaptured) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:1001(1000) ack 1 cut 60
    quiet 1s
    client P. 1:1001(1000) ack 1
    engine P. 1:1001(1000) ack 1
  )");
}

TEST(Reassembly, StrayPacketsFarFromTheStreamAreCounted) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1500000001:1500000101(100) ack 1
    client P. -1500000001:-1499999901(100) ack 1
    quiet 60s
  )");
  EXPECT_EQ(t.counters().packets_implausible, 2U);
  EXPECT_EQ(t.account().bytes_captured, 0U);
}

TEST(Reassembly, DataBeyondTheFinIsNoStream) {
  Script t;
  t.open();
  t.play(R"(
    client F. 101:201(100) ack 1
    client P. 201:301(100) ack 1
    client F. 101:201(100) ack 1
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    engine . 101:201(100) ack 1
    engine F. 201:201(0) ack 1
    client P. 201:301(100) ack 1
    host F. 1:1(0) ack 202
    engine . 202:202(0) ack 2
    end mirrored captured 200
  )");
}

TEST(Reassembly, AFinWaitsForTheHoleBeforeIt) {
  Script t;
  t.open();
  t.play(R"(
    client F. 101:101(0) ack 1
    quiet 100ms
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    engine F. 101:101(0) ack 1
  )");
  t.take_sent();
}

}  // namespace
}  // namespace mirrorlab::engine::kit
