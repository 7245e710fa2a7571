// In steady state the core takes no memory from the system: not for data, acks, retransmissions,
// holes, answers out of order, nor for new sessions in the place of old ones.
#include <gtest/gtest.h>

#include <vector>

#include "engine/core/core.h"
#include "unit/engine_memory/kit/allocations.h"

namespace mirrorlab::engine {
namespace {
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kSyn;

constexpr uint32_t kSessions = 300;  // more than a slab of works or segments
const wire::Endpoint kOnline = *wire::Endpoint::parse("10.0.0.1:80");
const wire::Endpoint kTest = *wire::Endpoint::parse("10.0.0.2:80");

class Conversations : public testing::Test, public Sink {
 protected:
  void transmit(const wire::TcpHeader&, wire::Bytes) override { ++sent; }
  void claim(const wire::FlowKey&) override {}
  void unclaim(const wire::FlowKey&) override {}

  static Config config() {
    Config c;
    c.mappings.push_back({kOnline, kTest});
    c.pace = Pace::none;
    return c;
  }
  static wire::Endpoint client(uint32_t i) { return {wire::IpAddress::v4(0x0a010000U + i), 40000}; }
  // Numbers are relative; `isn` makes each life of a 4-tuple another connection.
  void capture(uint32_t i, uint8_t flags, uint32_t seq, uint32_t length, uint32_t ack) {
    wire::TcpPacket p;
    p.header.src = client(i);
    p.header.dst = kOnline;
    p.header.seq = wire::Seq(isn + seq);
    p.header.ack = wire::Seq(isn + ack);
    p.header.flags = flags;
    p.header.window = 65535;
    p.payload = {payload, length};
    p.payload_length = length;
    p.header.options.sack_permitted = (flags & kSyn) != 0;
    core.on_client_packet(p, now);
  }
  void answer(uint32_t i, uint8_t flags, uint32_t seq, uint32_t length, uint32_t ack,
              uint32_t sacked_from = 0, uint32_t sacked_to = 0) {
    wire::HeaderRecord r;
    r.flow = {client(i), kTest};
    r.seq = wire::Seq(isn + seq);
    r.ack = wire::Seq(isn + ack);
    r.flags = flags;
    r.window = 65535;
    r.payload_length = length;
    r.options.sack_permitted = (flags & kSyn) != 0;
    if (sacked_to != 0) {
      r.options.sack_count = 1;
      r.options.sack[0] = {wire::Seq(isn + sacked_from), wire::Seq(isn + sacked_to)};
    }
    core.on_header(r, now);
  }
  void pass(Nanos time) {
    core.flush(now);
    for (const Nanos until = now + time; now < until;) {
      now = std::min(until, std::max(now + kMicrosecond, core.next_wakeup()));
      core.on_timer(now);
    }
  }
  template <typename Step>
  void each(const Step& step) {
    for (uint32_t i = 0; i < kSessions; ++i) step(i);
    pass(10 * kMillisecond);
  }

  // A life of every 4-tuple, with all that costs memory.
  void life() {
    isn += 1'000'000;
    each([&](uint32_t i) { capture(i, kSyn, 0, 0, 0); });
    each([&](uint32_t i) { answer(i, kSyn | kAck, 0, 0, 1); });
    each([&](uint32_t i) {
      capture(i, kAck, 1, 0, 1);
      capture(i, kAck | kPsh, 1, 1200, 1);
      capture(i, kAck | kPsh, 2401, 1200, 1);  // a hole, repaired
      capture(i, kAck | kPsh, 1201, 1200, 1);
    });
    each([&](uint32_t i) { answer(i, kAck, 1, 0, 1, 1201, 3601); });  // the first was lost
    pass(kSecond);                                                    // and its repetition too
    each([&](uint32_t i) {
      answer(i, kAck | kPsh, 501, 500, 3601);  // the answer comes out of order
      answer(i, kAck, 1, 500, 3601);
    });
    for (uint32_t turn = 0; turn < 3; ++turn) {
      const uint32_t asked = 3601 + turn * 100, said = 1001 + turn * 500;
      each([&](uint32_t i) { capture(i, kAck | kPsh, asked, 100, said); });
      each([&](uint32_t i) { answer(i, kAck | kPsh, said, 500, asked + 100); });
    }
    each([&](uint32_t i) { capture(i, kAck | kFin, 3901, 0, 2501); });
    each([&](uint32_t i) { answer(i, kAck | kFin, 2501, 0, 3902); });
  }

  uint8_t payload[1500] = {};
  Nanos now = kSecond;
  uint32_t isn = 0;
  uint64_t sent = 0;
  Core core{config(), *this};
};

TEST_F(Conversations, TakeNoMemoryOnceThePoolsHaveGrown) {
  for (int i = 0; i < 3; ++i) life();
  const uint64_t before = test::allocations();
  const uint64_t packets = sent;
  for (int i = 0; i < 5; ++i) life();
  EXPECT_EQ(test::allocations() - before, 0U);
  EXPECT_GT(sent - packets, 5U * kSessions * 12);
  EXPECT_EQ(core.check_invariants(), "");
  EXPECT_EQ(core.account().sessions_captured, 8U * kSessions);
  EXPECT_EQ(core.account().sessions_mirrored, 8U * kSessions);
  EXPECT_GE(core.counters().data_segments_retransmitted, 8U * kSessions);
}

TEST_F(Conversations, TheCountIsOne) {
  const uint64_t before = test::allocations();
  const std::vector<int> made(10);
  EXPECT_EQ(test::allocations() - before, 1U) << made.size();
}

}  // namespace
}  // namespace mirrorlab::engine
