// S7: the header return breaks and comes back; nothing is lost, and it is no storm.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(HeaderLink, WhileItIsDownOneSegmentKeepsAsking) {
  Script t;
  t.open();
  t.play("client P. 1:4001(4000) ack 1");
  EXPECT_EQ(t.take_sent().size(), 4U);
  t.play(R"(
    link down
    +20ms engine P. 3001:4001(1000) ack 1
    +200ms engine . 1:1001(1000) ack 1
    +400ms engine . 1:1001(1000) ack 1
    +800ms engine . 1:1001(1000) ack 1
    +1600ms engine . 1:1001(1000) ack 1
    link up
    +100us engine P. 3001:4001(1000) ack 1  # where is the test host now?
    +10ms host . 1:1(0) ack 4001
    client P. 4001:14001(10000) ack 1         # the congestion window did not collapse
  )");
  EXPECT_EQ(t.take_sent().size(), 10U);
}

TEST(HeaderLink, OneTestHostsOutageConcernsItsSessionsOnly) {
  Config config = Script::config();
  config.user_timeout = 2 * kSecond;
  Script t(config);
  t.open();
  t.play("client P. 1:101(100) ack 1\nengine P. 1:101(100) ack 1");
  t.core().on_header_link(*wire::Endpoint::parse("192.0.2.77:80"), false, t.now());
  t.advance(20 * kSecond);
  t.take_sent();
  EXPECT_EQ(t.lost(LossReason::test_unreachable), 100U) << "another one's";

  t.open(2);
  t.play("client/2 P. 1:101(100) ack 1\nengine/2 P. 1:101(100) ack 1");
  t.core().on_header_link(config.mappings[0].test, false, t.now());
  t.advance(20 * kSecond);
  t.take_sent();
  EXPECT_EQ(t.lost(LossReason::test_unreachable), 100U) << "its own";
}

TEST(HeaderLink, AnOutageIsNotTheTestHostsSilence) {
  Config config = Script::config();
  config.user_timeout = 2 * kSecond;
  Script t(config);
  t.open();
  t.play("client P. 1:101(100) ack 1\nengine P. 1:101(100) ack 1\nlink down");
  t.advance(20 * kSecond);
  t.take_sent();
  t.play("link up");
  t.advance(100 * kMillisecond);
  t.take_sent();
  t.play("host . 1:1(0) ack 101\nquiet 10s");
  EXPECT_EQ(t.account().bytes_mirrored, 100U);
}

TEST(HeaderLink, TheHandshakeGoesOnAfterIt) {
  Config config = Script::config();
  config.handshake_timeout = 2 * kSecond;
  Script t(config);
  t.play("client S 0:0(0) <mss 1000>\nengine S 0:0(0)\nlink down");
  t.advance(20 * kSecond);
  EXPECT_GT(t.take_sent().size(), 2U);
  t.play("link up\n+100us engine S 0:0(0)\nhost S. 0:0(0) ack 1 <mss 1000>\nengine . 1:1(0) ack 1");
}

TEST(HeaderLink, AllAreClaimedAgain) {
  Script t;
  t.open(1);
  t.open(2);
  EXPECT_EQ(t.claim_calls(), 2);
  t.play("link down\nlink down\nlink up\nlink up\nquiet 1s");
  EXPECT_EQ(t.claim_calls(), 4);
}

TEST(HeaderLink, SessionsAreSpreadNotABurst) {
  Script t;
  for (int n = 1; n <= 40; ++n) t.open(n);
  t.play("link down");
  for (int n = 1; n <= 40; ++n) {
    t.play("client/" + std::to_string(n) + " P. 1:101(100) ack 1");
    EXPECT_EQ(t.take_sent().size(), 1U);
  }
  t.advance(30 * kSecond);
  t.take_sent();
  t.play("link up");
  t.advance(kMillisecond);
  EXPECT_LT(t.take_sent().size(), 5U);
  t.advance(70 * kMillisecond);
  EXPECT_GE(t.take_sent().size(), 35U);
}

TEST(HeaderLink, ALostRecordIsMadeGoodByTheHostsRetransmission) {
  Script t;
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    # the record of the first answer segment is lost
    host P. 501:1001(500) ack 101
    engine . 101:101(0) ack 1 <sack 501:1001>
    +200ms host . 1:501(500) ack 101
    engine . 101:101(0) ack 1001
  )");
}

}  // namespace
}  // namespace mirrorlab::engine::kit
