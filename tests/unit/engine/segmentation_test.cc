// S2, S5: captured segments are kept as they are, super-packets are cut, bytes are just bytes.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Segmentation, KeepsTheClientsBoundaries) {
  Script t;
  t.open();
  t.play(R"(
    client . 1:8(7) ack 1
    engine . 1:8(7) ack 1
    client P. 8:9(1) ack 1
    engine P. 8:9(1) ack 1
  )");
}

TEST(Segmentation, CutsSuperPacketsAtTheMssOfTheSynAck) {
  Script t;
  t.open(1, "mss 1460,sackOK,wscale 7", "mss 900,sackOK,wscale 7");
  t.play(R"(
    client P. 1:2001(2000) ack 1
    engine . 1:901(900) ack 1
    engine . 901:1801(900) ack 1
    engine P. 1801:2001(200) ack 1
  )");
}

TEST(Segmentation, LeavesRoomForTimestamps) {
  Script t;
  t.open(1, "mss 1460,TS", "mss 1000,TS val 1 ecr 0");
  t.play(R"(
    client P. 1:1001(1000) ack 1
    engine . 1:989(988) ack 1
    engine P. 989:1001(12) ack 1
  )");
}

TEST(Segmentation, NeverExceedsTheMtuOfThePath) {
  for (const auto family : {wire::Family::v4, wire::Family::v6}) {
    Script t(family);
    t.open(1, "mss 8960", "mss 8960");
    t.play("client P. 1:5001(5000) ack 1");
    const auto sent = t.take_sent();
    ASSERT_EQ(sent.size(), 4U);
    EXPECT_EQ(sent[0].length, family == wire::Family::v4 ? 1460U : 1440U);
  }
}

TEST(Segmentation, ASuperPacketOf64KiBIsOneBuffer) {
  Script t;
  t.open();
  t.play("client P. 1:65001(65000) ack 1");
  int64_t acked = 1;
  for (int i = 0; i < 20 && t.account().bytes_pending > 0; ++i) {
    const auto sent = t.take_sent();
    for (const auto& p : sent) EXPECT_LE(p.length, 1000U);
    acked = sent.back().seq + sent.back().length;
    t.play("+1ms host . 1:1(0) ack " + std::to_string(acked));
  }
  EXPECT_EQ(acked, 65001);
}

TEST(Segmentation, UrgentDataIsJustStreamData) {
  Script t;
  t.open();
  t.play(R"(
    client PU. 1:11(10) ack 1
    engine P. 1:11(10) ack 1
  )");
}

TEST(Segmentation, SequenceNumbersWrap) {
  Script t;
  t.play(R"(
    client S 0:0(0) isn 4294966296 <mss 1000,sackOK>
    engine S 0:0(0)
    +10ms host S. 0:0(0) ack 1 <mss 1000,sackOK>
    engine . 1:1(0) ack 1
    client P. 1:2001(2000) ack 1
    engine . 1:1001(1000) ack 1
    engine P. 1001:2001(1000) ack 1
    +10ms host . 1:1(0) ack 1 <sack 1001:2001>
    host . 1:1(0) ack 2001
    client . 3001:4001(1000) ack 1        # out of order across nothing special
    client . 2001:3001(1000) ack 1
    engine . 2001:3001(1000) ack 1
    engine . 3001:4001(1000) ack 1
    host . 1:1(0) ack 4001
    client F. 4001:4001(0) ack 1
    engine F. 4001:4001(0) ack 1
    host F. 1:1(0) ack 4002
    engine . 4002:4002(0) ack 2
    end mirrored captured 4000
  )");
}

TEST(Segmentation, StreamsOverFourGibibytes) {
  Config config = Script::config();
  config.gap_grace = 0;
  config.wait_for_answers = false;
  Script t(config);
  t.open();
  // Most of it is missed by the capture: five holes of 900 MB, each with a turn behind it.
  int64_t at = 1;
  for (int i = 1; i <= 5; ++i) {
    at += 900'000'000;
    const std::string turn = std::to_string(at) + ":" + std::to_string(at + 100) + "(100)";
    const std::string end = std::to_string(at + 100), acked = std::to_string(1 + i * 1000);
    t.play("client . " + std::to_string(at) + ":" + std::to_string(at) + "(0) ack " + acked);
    t.play("client P. " + turn + " ack " + acked);
    t.advance(100 * kMillisecond);
    const auto sent = t.take_sent();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[1].seq, at - 1);
    t.play("host S. 0:0(0) ack " + std::to_string(at) + " <mss 1000>");
    t.play("engine P. " + turn + " ack 1");
    t.play("host . 1:1(0) ack " + end + "\n");
    at += 100;
  }
  EXPECT_EQ(t.account().bytes_captured, 4'500'000'500U);
  EXPECT_EQ(t.account().bytes_mirrored, 500U);
  EXPECT_EQ(t.lost(LossReason::capture_gap), 4'500'000'000U);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
