// S1: the client's SYN is copied with the options that matter, and repeated until answered.
#include <gtest/gtest.h>

#include "unit/engine/kit/script.h"

namespace mirrorlab::engine::kit {
namespace {

TEST(Handshake, CopiesMssScaleAndSackAndUsesItsOwnTimestampClock) {
  Script t;
  t.play(R"(
    client S 0:0(0) win 29200 <mss 1460,sackOK,TS val 777 ecr 0,wscale 9>
    engine S 0:0(0) win 29200 <mss 1460,sackOK,TS val 0 ecr 0,wscale 9>
    +7ms host S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 5000 ecr 0,wscale 7>
    engine . 1:1(0) ack 1 <TS val 7 ecr 5000>
    quiet 60s
  )");
}

TEST(Handshake, AddsNoOptionTheClientDidNotSend) {
  Script t;
  t.play(R"(
    client S 0:0(0) win 8192 <>
    engine S 0:0(0) win 8192 <>
  )");
}

TEST(Handshake, DoesNotCopyEcnNegotiation) {
  Script t;
  t.play(R"(
    client SEW 0:0(0) <mss 1000>
    engine S 0:0(0) <mss 1000>
  )");
}

TEST(Handshake, RepeatsTheSynWithBackOffUntilTheTimeOut) {
  Script t;
  t.play(R"(
    client S 0:0(0) <mss 1000>
    engine S 0:0(0) <mss 1000>
    +1s engine S 0:0(0) <mss 1000>
    +2s engine S 0:0(0)
    +4s engine S 0:0(0)
    +8s engine S 0:0(0)
    +8s engine S 0:0(0)
    +8s engine R. 1:1(0)
    quiet 100s
  )");
  EXPECT_EQ(t.counters().syn_retransmitted, 5);
}

}  // namespace
}  // namespace mirrorlab::engine::kit
