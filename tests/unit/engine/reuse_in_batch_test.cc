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

TEST(ReuseInBatch, ASlotTakenAgainWhileDirtyIsFlushedOnce) {
  const wire::Endpoint client = *wire::Endpoint::parse("192.0.2.7:40000");
  const wire::Endpoint online = *wire::Endpoint::parse("10.0.0.1:80");
  Config config;
  config.mappings = {{online, *wire::Endpoint::parse("10.0.0.2:8080")}};
  NoSink sink;
  Core core(config, sink);
  const auto send = [&](uint32_t seq, uint8_t flags) {
    wire::TcpPacket p;
    p.header.src = client;
    p.header.dst = online;
    p.header.seq = wire::Seq(seq);
    p.header.flags = flags;
    core.on_client_packet(p, kSecond);
  };
  send(100, kSyn);
  send(101, kRst);
  core.shutdown(kSecond);  // the session is a tombstone now
  wire::HeaderRecord late;
  late.flow = {client, config.mappings[0].test};
  late.flags = kAck;
  core.on_header(late, kSecond);  // marks the tombstone dirty
  send(5000, kSyn);               // takes its slot
  core.flush(kSecond);            // an endless loop once
  EXPECT_EQ(core.check_invariants(), "");
  EXPECT_EQ(core.account().sessions_live, 1U);
}

// The oldest of a chain that is too long is given up, each but once, also when its place in the
// chain is not free before the flush.
TEST(ReuseInBatch, EachOfAChainThatIsTooLongIsGivenUpOnce) {
  const wire::Endpoint client = *wire::Endpoint::parse("192.0.2.7:40000");
  const wire::Endpoint online = *wire::Endpoint::parse("10.0.0.1:80");
  Config config;
  config.mappings = {{online, *wire::Endpoint::parse("10.0.0.2:8080")}};
  NoSink sink;
  Core core(config, sink);
  constexpr uint32_t kConnections = 80;
  for (uint32_t i = 0; i < kConnections; ++i) {
    wire::TcpPacket p;
    p.header.src = client;
    p.header.dst = online;
    p.header.seq = wire::Seq((i + 1) * 1'000'000);
    p.header.flags = kSyn;
    core.on_client_packet(p, kSecond);
    p.header.seq = p.header.seq + 1;
    p.header.flags = kAck | kFin;
    core.on_client_packet(p, kSecond);
    ASSERT_EQ(core.check_invariants(), "") << i;
  }
  const Account& a = core.account();
  EXPECT_EQ(a.sessions_captured, kConnections);
  EXPECT_EQ(a.sessions_live, 64U);
  core.flush(kSecond);
  EXPECT_EQ(core.check_invariants(), "");
  EXPECT_EQ(a.sessions_live, 64U);
  EXPECT_EQ(a.sessions_lost[static_cast<size_t>(LossReason::superseded)], kConnections - 64);
}

}  // namespace
}  // namespace mirrorlab::engine
