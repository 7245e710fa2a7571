// S10 within one batch: a client takes its 4-tuple again before the engine has come to flush().
#include <gtest/gtest.h>

#include "engine/core/core.h"

namespace mirrorlab::engine {
namespace {
using namespace wire::tcp_flag;

class NoSink : public Sink {
  void transmit(const wire::TcpHeader&, wire::Bytes) override {}
  void claim(const wire::FlowKey&) override {}
  void unclaim(const wire::FlowKey&) override {}
};

class ReuseInBatch : public testing::Test {
 protected:
  void send(uint32_t seq, uint8_t flags) {
    wire::TcpPacket p;
    p.header.src = client_;
    p.header.dst = config_.mappings[0].online;
    p.header.seq = wire::Seq(seq);
    p.header.flags = flags;
    core_.on_client_packet(p, kSecond);
  }
  const wire::Endpoint client_ = *wire::Endpoint::parse("192.0.2.7:40000");
  const Config config_ = [] {
    Config c;
    c.mappings = {{*wire::Endpoint::parse("10.0.0.1:80"), *wire::Endpoint::parse("10.0.0.2:8080")}};
    return c;
  }();
  NoSink sink_;
  Core core_{config_, sink_};
};

TEST_F(ReuseInBatch, ASlotTakenAgainWhileDirtyIsFlushedOnce) {
  send(100, kSyn);
  send(101, kRst);
  core_.shutdown(kSecond);  // the session is a tombstone now
  wire::HeaderRecord late;
  late.flow = {client_, config_.mappings[0].test};
  late.flags = kAck;
  core_.on_header(late, kSecond);  // marks the tombstone dirty
  send(5000, kSyn);                // takes its slot
  core_.flush(kSecond);            // an endless loop once
  EXPECT_EQ(core_.check_invariants(), "");
  EXPECT_EQ(core_.account().sessions_live, 1U);
}

// The oldest of a chain that is too long is given up, each but once, also when its place in the
// chain is not free before the flush.
TEST_F(ReuseInBatch, EachOfAChainThatIsTooLongIsGivenUpOnce) {
  constexpr uint32_t kConnections = 80;
  for (uint32_t i = 1; i <= kConnections; ++i) {
    send(i * 1'000'000, kSyn);
    send(i * 1'000'000 + 1, kAck | kFin);
    ASSERT_EQ(core_.check_invariants(), "") << i;
  }
  const Account& a = core_.account();
  EXPECT_EQ(a.sessions_captured, kConnections);
  EXPECT_EQ(a.sessions_live, 64U);
  core_.flush(kSecond);
  EXPECT_EQ(core_.check_invariants(), "");
  EXPECT_EQ(a.sessions_live, 64U);
  EXPECT_EQ(a.sessions_lost[static_cast<size_t>(LossReason::superseded)], kConnections - 64);
}

}  // namespace
}  // namespace mirrorlab::engine
