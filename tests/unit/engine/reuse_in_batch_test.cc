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

}  // namespace
}  // namespace mirrorlab::engine
