// S11: every limit has a reason, and nothing is evicted silently.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

Config no_pace() {
  Config c = Script::config();
  c.pace = Pace::none;
  return c;
}

TEST(Limits, BytesOfOneSession) {
  Config config = no_pace();
  config.max_session_bytes = 3000;
  Script t(config);
  t.open();
  t.play(R"(
    client . 1:1001(1000) ack 1
    engine . 1:1001(1000) ack 1
    client . 1001:2001(1000) ack 1
    engine . 1001:2001(1000) ack 1
    client . 2001:3001(1000) ack 1       # a turn that does not fit is lost from here
    client . 3001:4001(1000) ack 1
    quiet 10ms
    host . 1:1(0) ack 2001
    +25ms engine R. 2001:2001(0) ack 1
    client P. 4001:5001(1000) ack 501    # the next turn fits
    engine S 4000:4000(0)
    host S. 0:0(0) isn 9 ack 4001 <mss 1000>
    engine P. 4001:5001(1000) ack 1
    host P. 1:501(500) ack 5001
    engine . 5001:5001(0) ack 501
    client R 5001:5001(0)
    engine R. 5001:5001(0) ack 501
    end session_bytes_limit captured 5000 mirrored 3000 lost 2000
  )");
}

// What is missed may have been late only: there was no room to wait for it.
TEST(Limits, BytesOfOneSessionBehindAHole) {
  Config config = no_pace();
  config.max_session_bytes = 3000;
  Script t(config);
  t.open();
  t.play(R"(
    client . 1001:2001(1000) ack 1
    client . 2001:3001(1000) ack 1
    client . 3501:4501(1000) ack 1
    engine R. 1:1(0) ack 1
  )");
  EXPECT_EQ(t.lost(LossReason::capture_gap), 0U);
  EXPECT_EQ(t.lost(LossReason::session_bytes_limit), 4500U);
}

TEST(Limits, BytesOfOneSessionCapturedOutOfOrder) {
  Config config = no_pace();
  config.max_session_bytes = 4000;
  Script t(config);
  t.open();
  t.play(R"(
    client . 1:1001(1000) ack 1
    engine . 1:1001(1000) ack 1
    client . 2001:3001(1000) ack 1
    client . 4001:5001(1000) ack 1       # no room
    client . 1001:2001(1000) ack 1       # only late
    client . 3001:4001(1000) ack 1
    quiet 10ms
    host . 1:1(0) ack 1001
    +25ms engine R. 1001:1001(0) ack 1
    client R 5001:5001(0)
    end session_bytes_limit captured 5000 mirrored 1000 lost 4000
  )");
  EXPECT_EQ(t.lost(LossReason::session_bytes_limit), 4000U);
}

TEST(Limits, KnownBytesNeedNoRoom) {
  Config config = no_pace();
  config.max_session_bytes = 1500;
  Script t(config);
  t.open();
  t.play(R"(
    client . 1:1001(1000) ack 1
    engine . 1:1001(1000) ack 1
    client . 1:1001(1000) ack 1
    quiet 10ms
  )");
  EXPECT_EQ(t.account().bytes_pending, 1000U);
}

TEST(Limits, TinySegmentsCountWithWhatTheyCost) {
  Config config = no_pace();
  config.max_session_bytes = 10000;
  Script t(config);
  t.open(1, "mss 1000", "mss 1000", 0);
  for (int i = 1; i <= 1000; ++i) {
    t.play("client P. " + std::to_string(i) + ":" + std::to_string(i + 1) + "(1) ack 1");
  }
  EXPECT_LT(t.account().bytes_pending, 100U);
  EXPECT_EQ(t.lost(LossReason::session_bytes_limit), 1000 - t.account().bytes_pending);
}

TEST(Limits, BytesInAll) {
  Config config = no_pace();
  config.max_total_bytes = 3000;
  Script t(config);
  t.open(1);
  t.open(2);
  t.play(R"(
    client . 1:1001(1000) ack 1
    engine . 1:1001(1000) ack 1
    client . 1001:2001(1000) ack 1
    engine . 1001:2001(1000) ack 1
    client/2 P. 1:1001(1000) ack 1
    engine/2 R. 1:1(0) ack 1
    client/2 F. 1001:1001(0) ack 1
    end total_bytes_limit captured 1000 lost 1000
  )");
}

TEST(Limits, Sessions) {
  Config config = no_pace();
  config.max_sessions = 2;
  Script t(config);
  t.open(1);
  t.open(2);
  t.play(R"(
    client/3 S 0:0(0) <mss 1000>
    client/3 P. 1:101(100) ack 1
    quiet 10s
  )");
  EXPECT_EQ(t.lost_sessions(LossReason::session_limit), 1U);
  EXPECT_EQ(t.lost(LossReason::session_limit), 100U);
}

TEST(Limits, SessionsRefusedAreCountedOnce) {
  Config config = no_pace();
  config.max_sessions = 1;
  Script t(config);
  t.open(1);
  t.play(R"(
    client/2 S 0:0(0) <mss 1000>
    client/2 S 0:0(0) <mss 1000>         # nobody answered yet
    client/2 P. 1:101(100) ack 1
    client/2 P. 1:101(100) ack 1         # what it repeats is no more than it was
    client/2 P. 201:301(100) ack 1       # shows that bytes before it exist
    client/2 P. 101:201(100) ack 1       # late
    client/2 F. 301:301(0) ack 1
    client/2 . 302:302(0) ack 2          # a FIN is no byte
    quiet 10s
  )");
  EXPECT_EQ(t.lost_sessions(LossReason::session_limit), 1U);
  EXPECT_EQ(t.lost(LossReason::session_limit), 300U);
  EXPECT_EQ(t.account().bytes_captured, 300U);
}

TEST(Limits, ASessionRefusedThatFindsRoomLaterIsTheSame) {
  Config config = no_pace();
  config.max_sessions = 1;
  config.time_wait = kSecond;
  Script t(config);
  t.open(1);
  t.play(R"(
    client/2 S 0:0(0) <mss 1000>
    client/2 P. 1:101(100) ack 1
    client R 1:1(0)
    engine R. 1:1(0) ack 1
    end mirrored
    +200ms engine R. 1:1(0)
    +400ms engine R. 1:1(0)
    quiet 1400ms
    client/2 P. 1:101(100) ack 1         # repeated: no place to begin
    client/2 P. 101:201(100) ack 1       # the rest of the turn that was refused
    client/2 . 201:201(0) ack 501
    client/2 P. 201:301(100) ack 501     # a turn
    engine/2 S 200:200(0)
    host/2 S. 0:0(0) ack 201 <mss 1000>
    engine/2 P. 201:301(100) ack 1
    host/2 P. 1:501(500) ack 301
    engine/2 . 301:301(0) ack 501
    client/2 R 301:301(0)
    engine/2 R. 301:301(0) ack 501
    end session_limit captured 200 mirrored 100 lost 100
  )");
  EXPECT_EQ(t.account().sessions_captured, 2U);
  EXPECT_EQ(t.lost_sessions(LossReason::session_limit), 1U);
  EXPECT_EQ(t.lost(LossReason::session_limit), 200U);
  EXPECT_EQ(t.account().bytes_captured, 300U);
}

TEST(Limits, ARefusedSynThatFindsRoomWhenRepeatedLosesNothing) {
  Config config = no_pace();
  config.max_sessions = 1;
  Script t(config);
  t.open(1);
  t.share_port(2, 1);
  t.play(R"(
    client/2 S 0:0(0) <mss 1000>         # the close of the one before was not captured
    engine R. 1:1(0) ack 1
    end superseded
    client/2 S 0:0(0) <mss 1000>
    engine/2 S 0:0(0) <mss 1000>
    host/2 S. 0:0(0) ack 1 <mss 1000>
    engine/2 . 1:1(0) ack 1
    client/2 S 0:0(0) <mss 1000>         # late
    client/2 R 1:1(0)
    engine/2 R. 1:1(0) ack 1
    end mirrored
  )");
  EXPECT_EQ(t.account().sessions_captured, 2U);
  EXPECT_EQ(t.account().sessions_mirrored, 1U);
}

TEST(Limits, ALateSynOfARefusedConnectionIsNoOther) {
  Config config = no_pace();
  config.max_sessions = 1;
  config.time_wait = kSecond;
  Script t(config);
  t.open(1);
  t.share_port(3, 2);
  t.play(R"(
    client/2 S 0:0(0) <mss 1000>
    client R 1:1(0)
    engine R. 1:1(0) ack 1
    end mirrored
    +200ms engine R. 1:1(0) ack 1
    +400ms engine R. 1:1(0) ack 1
    quiet 2s
    client/3 S 0:0(0) <mss 1000>
    engine/3 S 0:0(0) <mss 1000>
    client/2 S 0:0(0) <mss 1000>         # a copy that comes late
    quiet 100ms
  )");
  EXPECT_EQ(t.account().sessions_captured, 3U);
}

TEST(Limits, AReusedPortThatFindsNoRoom) {
  Config config = no_pace();
  config.max_sessions = 1;
  Script t(config);
  t.open(1);
  t.share_port(2, 1);
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    client/2 S 0:0(0) <mss 1000>
    client/2 P. 1:51(50) ack 1
    client/2 P. 1:51(50) ack 1
    host . 1:1(0) ack 101
    engine R. 101:101(0) ack 1
    end superseded captured 100 mirrored 100
  )");
  EXPECT_EQ(t.account().sessions_captured, 2U);
  EXPECT_EQ(t.lost(LossReason::session_limit), 50U);
}

TEST(Limits, OfTheConnectionsRefusedTheLatestAreRemembered) {
  Config config = no_pace();
  config.max_sessions = 1;
  Script t(config);
  t.unchecked(true);
  t.open(1);
  std::string error;
  const Notation syn = *parse_notation("S 0:0(0) <mss 1000>", error);
  for (int n = 2; n < 40'002; ++n) t.client(n, syn);
  for (int n = 39'000; n < 40'002; ++n) t.client(n, syn);
  EXPECT_EQ(t.lost_sessions(LossReason::session_limit), 40'000U);
}

TEST(Limits, IdleTime) {
  Config config = no_pace();
  config.idle_timeout = 60 * kSecond;
  Script t(config);
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    quiet 50s
    host P. 1:11(10) ack 101             # either side counts
    engine . 101:101(0) ack 11
    quiet 59s
    +1s engine R. 101:101(0) ack 11
    end mirrored
    quiet 10s
  )");
  EXPECT_EQ(t.claims(), 0U);
}

TEST(Limits, IdleTimeWithBytesPending) {
  Config config = no_pace();
  config.idle_timeout = 2 * kSecond;
  Script t(config);
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    host . 1:1(0) ack 101
    client P. 101:201(100) ack 501
    +2s engine R. 101:101(0) ack 1
    end idle_timeout captured 200 mirrored 100 lost 100
  )");
}

TEST(Limits, TwoOnlineServicesThatMapToOneFlow) {
  Config config = no_pace();
  config.mappings[0].online.address = wire::IpAddress{};  // any
  class Nothing : public Sink {
    void transmit(const wire::TcpHeader&, wire::Bytes) override {}
    void claim(const wire::FlowKey&) override {}
    void unclaim(const wire::FlowKey&) override {}
  } sink;
  Core core(config, sink);
  wire::TcpPacket p;
  p.header.src = *wire::Endpoint::parse("10.0.1.1:40000");
  p.header.flags = wire::tcp_flag::kSyn;
  p.header.dst = *wire::Endpoint::parse("10.0.0.1:80");
  core.on_client_packet(p, 0);
  p.header.dst = *wire::Endpoint::parse("10.0.0.9:80");
  core.on_client_packet(p, 0);
  p.header.dst = *wire::Endpoint::parse("10.0.0.9:81");
  core.on_client_packet(p, 0);
  p.header.dst = *wire::Endpoint::parse("[fd00::9]:80");
  core.on_client_packet(p, 0);
  EXPECT_EQ(core.account().sessions_lost[static_cast<size_t>(LossReason::tuple_collision)], 1U);
  EXPECT_EQ(core.counters().packets_unmapped, 2U);
  EXPECT_EQ(core.check_invariants(), "");
}

TEST(Limits, EveryLossReasonHasAName) {
  for (size_t i = 0; i < kLossReasons; ++i) {
    EXPECT_STRNE(to_string(static_cast<LossReason>(i)), "?");
  }
  EXPECT_STREQ(to_string(LossReason::count_), "?");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
