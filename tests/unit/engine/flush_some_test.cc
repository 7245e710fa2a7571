// What is due may be sent in parts, so that the capture is looked after between them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "engine/core/core.h"

namespace mirrorlab::engine {
namespace {
using namespace wire::tcp_flag;

class PortSink : public Sink {
 public:
  std::vector<uint16_t> ports;  // of the clients sent for, in order

 private:
  void transmit(const wire::TcpHeader& h, wire::Bytes) override { ports.push_back(h.src.port); }
  void claim(const wire::FlowKey&) override {}
  void unclaim(const wire::FlowKey&) override {}
};

class FlushSome : public testing::Test {
 protected:
  FlushSome() {
    config_.mappings = {
        {*wire::Endpoint::parse("10.0.0.1:80"), *wire::Endpoint::parse("10.0.0.2:8080")}};
    core_ = std::make_unique<Core>(config_, sink_);
  }
  void client(uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack = 0,
              wire::Bytes payload = {}) {
    wire::TcpPacket p;
    p.header.src = *wire::Endpoint::parse("192.0.2.7:1");
    p.header.src.port = port;
    p.header.dst = config_.mappings[0].online;
    p.header.seq = wire::Seq(seq);
    p.header.ack = wire::Seq(ack);
    p.header.flags = flags;
    p.header.window = 65535;
    p.payload = payload;
    p.payload_length = static_cast<uint32_t>(payload.size());
    core_->on_client_packet(p, kSecond);
  }
  void syn_ack(uint16_t port) {
    wire::HeaderRecord r;
    r.flow.client = *wire::Endpoint::parse("192.0.2.7:1");
    r.flow.client.port = port;
    r.flow.server = config_.mappings[0].test;
    r.flags = kSyn | kAck;
    r.seq = wire::Seq(900);
    r.ack = wire::Seq(101);
    r.window = 65535;
    core_->on_header(r, kSecond);
  }

  Config config_;
  PortSink sink_;
  std::unique_ptr<Core> core_;
};

TEST_F(FlushSome, EndsAfterSoManySegmentsAndGoesOnWhereItEnded) {
  const std::array<uint8_t, 4> word{'p', 'i', 'n', 'g'};
  for (uint16_t port = 1; port <= 6; ++port) client(port, kSyn, 100);
  core_->flush(kSecond);
  for (uint16_t port = 1; port <= 6; ++port) {
    syn_ack(port);
    client(port, kAck | kPsh, 101, 501, word);
  }
  sink_.ports.clear();
  core_->flush_some(kSecond, 2);
  const size_t first = sink_.ports.size();
  EXPECT_GE(first, 2U);
  EXPECT_LT(first, 6U);
  EXPECT_EQ(core_->next_wakeup(), 0) << "what is left is due at once";
  EXPECT_FALSE(core_->drained());
  while (core_->next_wakeup() == 0) core_->flush_some(kSecond, 1);
  std::vector<uint16_t> sent = sink_.ports;
  std::ranges::sort(sent);
  const auto twice = std::ranges::unique(sent);
  sent.erase(twice.begin(), twice.end());
  EXPECT_EQ(sent, (std::vector<uint16_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(core_->check_invariants(), "");
}

}  // namespace
}  // namespace mirrorlab::engine
