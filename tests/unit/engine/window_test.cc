// S5: the test host's window: respected, scaled, never taken from an old record, probed when
// closed.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Window, IsRespected) {
  Script t;
  t.open(1, "mss 1000", "mss 1000", 2500);
  t.play(R"(
    client P. 1:4001(4000) ack 1
    engine . 1:1001(1000) ack 1
    engine . 1001:2001(1000) ack 1
    +10ms host . 1:1(0) ack 2001 win 2500
    engine . 2001:3001(1000) ack 1
    engine P. 3001:4001(1000) ack 1
  )");
}

TEST(Window, IsScaledExceptInTheSynAck) {
  Script t;
  t.open(1, "mss 1000,wscale 7", "mss 1000,wscale 4", 1500);
  t.play(R"(
    client P. 1:4001(4000) ack 1
    engine . 1:1001(1000) ack 1
    +10ms host . 1:1(0) ack 1001 win 125
    engine . 1001:2001(1000) ack 1
    engine . 2001:3001(1000) ack 1
    host . 1:1(0) ack 3001 win 125
    engine P. 3001:4001(1000) ack 1
  )");
}

TEST(Window, IsNotScaledWhereTheHostSentNoOption) {
  Script t;
  t.open(1, "mss 1000,wscale 7", "mss 1000", 1000);
  t.play(R"(
    client P. 1:3001(3000) ack 1
    engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 1001 win 1000
    engine . 1001:2001(1000) ack 1
  )");
}

TEST(Window, OfAnOldRecordIsNotTaken) {  // RFC 9293 3.10.7.4: SND.WL1
  Script t;
  t.open(1, "mss 1000", "mss 1000", 4000);
  t.play(R"(
    client P. 1:1001(1000) ack 1
    engine P. 1:1001(1000) ack 1
    host P. 101:201(100) ack 1001 win 4000
    engine . 1001:1001(0) ack 1
    host P. 1:101(100) ack 1001 win 500      # overtaken by the one above
    engine . 1001:1001(0) ack 201
    client P. 1001:3001(2000) ack 201
    engine . 1001:2001(1000) ack 201
    engine P. 2001:3001(1000) ack 201
  )");
}

TEST(Window, OfAnOldRecordDoesNotHideADuplicateAck) {
  Script t;
  t.open(1, "mss 1000", "mss 1000", 8000);
  t.play("client P. 1:4001(4000) ack 1\n");
  t.take_sent();
  t.play(R"(
    host P. 1:101(100) ack 1 win 8000
    engine . 4001:4001(0) ack 101
    host . 101:101(0) ack 1 win 8000
    host . 1:1(0) ack 1 win 7000             # old; answered like a window probe
    engine . 4001:4001(0) ack 101
    host . 101:101(0) ack 1 win 8000
    host . 101:101(0) ack 1 win 8000
    engine . 1:1001(1000) ack 101
  )");
}

TEST(Window, ThatShrinksInARecordAlikeIsTheOlderOne) {
  Script t;
  t.open(1, "mss 1000", "mss 1000", 1000);
  t.play(R"(
    client P. 1:3001(3000) ack 1
    engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 1001 win 2000
    engine . 1001:2001(1000) ack 1
    engine P. 2001:3001(1000) ack 1
    host . 1:1(0) ack 1001 win 1000
    host . 1:1(0) ack 3001 win 1000
    quiet 5s
  )");
}

TEST(Window, SmallSegmentsWaitForAcksThatOpenIt) {  // RFC 9293 3.8.6.2.1
  Script t;
  t.open(1, "mss 1000", "mss 1000", 1300);
  t.play(R"(
    client P. 1:2001(2000) ack 1
    engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 1001 win 300           # nothing in flight: it takes what it takes
    engine . 1001:1301(300) ack 1
    host . 1:1(0) ack 1301 win 700
    engine P. 1301:2001(700) ack 1
  )");
}

TEST(Window, ClosedOnesAreProbedWithBackOff) {
  Script t;
  t.open(1, "mss 1000", "mss 1000", 1000);
  t.play(R"(
    client P. 1:2001(2000) ack 1
    engine . 1:1001(1000) ack 1
    +10ms host . 1:1(0) ack 1001 win 0
    +200ms engine . 1000:1000(0) ack 1
    host . 1:1(0) ack 1001 win 0
    +400ms engine . 1000:1000(0) ack 1
    host . 1:1(0) ack 1001 win 0
    +800ms engine . 1000:1000(0) ack 1
    host . 1:1(0) ack 1001 win 1000
    engine P. 1001:2001(1000) ack 1
    +70ms engine P. 1001:2001(1000) ack 1    # no back-off is left
    host . 1:1(0) ack 2001 win 1000
    quiet 10s
  )");
  EXPECT_EQ(t.counters().zero_window_probes, 3U);
}

TEST(Window, ALostProbeIsRepeated) {
  Script t;
  t.open(1, "mss 1000", "mss 1000", 0);
  t.play(R"(
    client P. 1:101(100) ack 1
    +200ms engine . 0:0(0) ack 1
    +400ms engine . 0:0(0) ack 1
    +800ms engine . 0:0(0) ack 1
    +1600ms engine . 0:0(0) ack 1
    +3200ms engine . 0:0(0) ack 1
    +6400ms engine . 0:0(0) ack 1
    +8s engine . 0:0(0) ack 1                # at most rto_max
    +8s engine . 0:0(0) ack 1
    host . 1:1(0) ack 1 win 1000
    engine P. 1:101(100) ack 1
  )");
}

TEST(Window, ThatStaysClosedEndsWithAReason) {
  Config config = Script::config();
  config.stall_timeout = 3 * kSecond;
  Script t(config);
  t.open(1, "mss 1000", "mss 1000", 0);
  t.play(R"(
    client P. 1:101(100) ack 1
    +200ms engine . 0:0(0) ack 1
    host . 1:1(0) ack 1 win 0
    +400ms engine . 0:0(0) ack 1
    host . 1:1(0) ack 1 win 0
    +800ms engine . 0:0(0) ack 1
    host . 1:1(0) ack 1 win 0
    +1600ms engine R. 1:1(0) ack 1
    client F. 101:101(0) ack 1
    end test_stalled captured 100 lost 100
  )");
}

TEST(Window, OfAHostThatFallsSilentBehindIt) {
  Config config = Script::config();
  config.user_timeout = kSecond;
  Script t(config);
  t.open(1, "mss 1000", "mss 1000", 0);
  t.play(R"(
    client P. 1:101(100) ack 1
    +200ms engine . 0:0(0) ack 1
    +400ms engine . 0:0(0) ack 1
    +800ms engine R. 1:1(0) ack 1
    client F. 101:101(0) ack 1
    end test_unreachable captured 100 lost 100
  )");
}

TEST(Window, ClosedWhileBytesAreInFlight) {
  Script t;
  t.open(1, "mss 1000", "mss 1000", 2000);
  t.play(R"(
    client P. 1:2001(2000) ack 1
    engine . 1:1001(1000) ack 1
    engine P. 1001:2001(1000) ack 1
    +10ms host . 1:1(0) ack 1 win 0          # a host that shrank its window
    +10ms engine P. 1001:2001(1000) ack 1    # probe and timer go on as they would
    +200ms engine . 1:1001(1000) ack 1
    host . 1:1(0) ack 2001 win 0
    quiet 5s
  )");
}

TEST(Window, AWholeUploadThroughATinyOne) {
  Script t;
  t.open(1, "mss 1000", "mss 1000", 700);
  t.play("client P. 1:20001(20000) ack 1");
  for (int i = 0; i < 100 && t.account().bytes_pending > 0; ++i) {
    const auto sent = t.take_sent();
    ASSERT_FALSE(sent.empty());
    t.play("+1ms host . 1:1(0) win 700 ack " +
           std::to_string(sent.back().seq + sent.back().length));
  }
  EXPECT_EQ(t.account().bytes_mirrored, 20000U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
