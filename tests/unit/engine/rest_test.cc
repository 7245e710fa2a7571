// An engine with nothing to do sleeps: no timer outlives the connection it belongs to.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Rest, AHeldAckEndsWithItsConnection) {
  Config config = Script::config();
  config.ack = AckPolicy::client;
  config.max_session_bytes = 4096;
  Script t(config);
  t.open();
  t.play(R"(
    client P. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    +10ms host P. 1:51(50) ack 101 win 65535
    client P. 101:8101(8000) ack 1
  )");
  // More than may be buffered: the mirrored connection is reset at the gap, its ack still held.
  t.advance(2 * kSecond);
  const auto sent = t.take_sent();
  ASSERT_FALSE(sent.empty());
  ASSERT_TRUE((sent.back().flags & wire::tcp_flag::kRst) != 0) << sent.back().print();
  EXPECT_GT(t.core().next_wakeup(), t.now() + kSecond) << "a timer spins";
}

// Its host does not hear the acks. Back-off doubles its pauses beyond any fixed TIME-WAIT.
TEST(Rest, AClientThatRepeatsItselfIsNoNewSession) {
  Script t;
  t.open();
  t.play(R"(
    client FP. 1:101(100) ack 1
    engine P. 1:101(100) ack 1
    engine F. 101:101(0) ack 1
    host F. 1:1(0) ack 102
    engine . 102:102(0) ack 2
    end mirrored captured 100
    quiet 1s
    client FP. 1:101(100) ack 1
    quiet 2s
    client FP. 1:101(100) ack 1
    quiet 4s
    client FP. 1:101(100) ack 1
    quiet 8s
    client FP. 1:101(100) ack 1
    quiet 60s
  )");
  EXPECT_EQ(t.account().sessions_captured, 1U);
  EXPECT_EQ(t.account().bytes_captured, 100U);
  EXPECT_EQ(t.claims(), 0U) << "it is forgotten in the end";
}

}  // namespace
}  // namespace mirrorlab::engine::kit
