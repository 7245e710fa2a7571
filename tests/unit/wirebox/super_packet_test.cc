// Super-packets meet the fates of the segments they stand for.
#include "harness/wirebox/super_packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "unit/wirebox/frames.h"

namespace mirrorlab::wirebox {
namespace {
using os::kNanosPerMicro;
using os::kNanosPerMilli;
using os::kNanosPerSecond;
constexpr uint32_t kSegment = 1000;

// `count` segments from `seq` on, the last one short.
Made super_packet(uint32_t seq, uint32_t count, bool v6 = false) {
  std::string data;
  for (uint32_t i = 0; i < count * kSegment - 300; ++i) data += static_cast<char>(i * 7 + seq);
  return v6 ? tcp_frame("[fd00::1]:4000", "[fd00::2]:80", seq, data)
            : tcp_frame(kClientText, kServerText, seq, data);
}
Frame as_super(Made& made) {
  Frame f = made.frame();
  f.vnet.gso_type = 1;
  f.vnet.gso_size = kSegment;
  return f;
}
// Where each byte of the stream came out, in order; the same for one packet or its parts.
std::vector<uint32_t> bytes_out(const Bench& b) {
  std::vector<uint32_t> numbers;
  for (const Sent& s : b.sent) {
    const auto p = wire::parse_ip_packet(wire::Bytes(s.bytes).subspan(kEthernetBytes));
    for (uint32_t i = 0; i < p->payload.size(); ++i) numbers.push_back(p->header.seq.raw() + i);
  }
  return numbers;
}
// The same stream, joined or as single packets, through the same impairments.
void send_stream(Bench& b, bool joined, uint32_t supers, uint32_t count) {
  for (uint32_t i = 0; i < supers; ++i) {
    Made whole = super_packet(i * 100'000, count);
    Frame f = as_super(whole);
    if (joined) {
      b.way.take(f, b.now);
    } else {
      FramePool pool;
      const auto info = *inspect(f.view());
      const SuperPacket parts(f, info);
      ASSERT_EQ(parts.segments(), count);
      for (uint32_t k = 0; k < count; ++k) {
        const Frame one = parts.piece(k, 1, pool);
        Made copy{{one.bytes, one.bytes + one.size}};
        b.way.take(copy.frame(), b.now);
      }
    }
    b.move_to(b.now + kNanosPerMilli);
  }
  b.move_to(b.now + kNanosPerSecond);
}

TEST(SuperPacket, AnyPieceIsAPacketOfItsOwn) {
  for (const bool v6 : {false, true}) {
    Made whole = super_packet(5000, 7, v6);
    const size_t flags = v6 ? kEthernetBytes + 53 : kEthernetBytes + 33;
    whole.bytes[flags] |= wire::tcp_flag::kPsh | wire::tcp_flag::kCwr;
    const Frame f = as_super(whole);
    const auto info = *inspect(f.view());
    const SuperPacket parts(f, info);
    ASSERT_EQ(parts.segments(), 7U);
    FramePool pool;
    for (uint32_t first = 0; first < 7; ++first) {
      for (uint32_t count = 1; first + count <= 7; ++count) {
        Frame piece = parts.piece(first, count, pool);
        ASSERT_NE(piece.bytes, nullptr);
        EXPECT_EQ(piece.is_super_packet(), count > 1);
        finish_checksum(piece);  // as a device would
        const auto p = wire::parse_ip_packet(piece.view().subspan(kEthernetBytes));
        ASSERT_TRUE(p);
        EXPECT_TRUE(p->checksum_valid()) << first << "+" << count;
        EXPECT_EQ(p->header.seq.raw(), 5000 + first * kSegment);
        EXPECT_EQ(p->payload_length, count * kSegment - (first + count == 7 ? 300 : 0));
        EXPECT_EQ(p->header.has(wire::tcp_flag::kPsh), first + count == 7);
        EXPECT_EQ(p->header.has(wire::tcp_flag::kCwr), first == 0);
        EXPECT_TRUE(std::ranges::equal(
            p->payload,
            std::span(whole.bytes)
                .subspan(whole.bytes.size() - 6700 + first * kSegment, p->payload_length)));
        pool.give(piece);
      }
    }
  }
}
TEST(SuperPacket, WhatIsNoneCountsAsOneSegment) {
  Made m = super_packet(1, 3);
  Frame f = m.frame();
  const auto info = *inspect(f.view());
  EXPECT_EQ(SuperPacket(f, info).segments(), 1U);
  f.vnet.gso_type = 1;  // without a segment size
  EXPECT_EQ(SuperPacket(f, info).segments(), 1U);
  // A fragment that ends with its IP header: there is no TCP header to look at.
  Made fragment{{m.bytes.begin(), m.bytes.begin() + kEthernetBytes + 20}};
  fragment.bytes[kEthernetBytes + 6] = 0x20;
  const Frame cut = as_super(fragment);
  const auto cut_info = *inspect(cut.view());
  EXPECT_EQ(SuperPacket(cut, cut_info).segments(), 1U);
}
TEST(SuperPacket, PassesWholeWhenAllItsSegmentsDo) {
  Bench b({.delay = kNanosPerMilli});
  Made whole = super_packet(1, 20);
  b.way.take(as_super(whole), b.now);
  b.move_to(b.now + kNanosPerSecond);
  ASSERT_EQ(b.sent.size(), 1U);
  EXPECT_EQ(b.sent[0].bytes, whole.bytes);
  EXPECT_EQ(b.way.counters().cut, 0U);
}
TEST(SuperPacket, MeetsTheFatesOfItsSegments) {
  const std::map<std::string, Settings> impairments{{"loss", {.loss = 0.1}},
                                                    {"burst", {.loss = 0.1, .burst = 3}},
                                                    {"duplicate", {.duplicate = 0.1}},
                                                    {"reorder", {.reorder = 0.1}},
                                                    {"corrupt", {.corrupt = 0.1}},
                                                    {"mtu", {.mtu = 1040}},
                                                    {"down", {.down = true}},
                                                    {"all",
                                                     {.delay = kNanosPerMilli,
                                                      .loss = 0.05,
                                                      .reorder = 0.05,
                                                      .duplicate = 0.05,
                                                      .corrupt = 0.05}}};
  for (const auto& [name, settings] : impairments) {
    Bench joined(settings), single(settings);
    send_stream(joined, true, 20, 9);
    send_stream(single, false, 20, 9);
    EXPECT_EQ(bytes_out(joined), bytes_out(single)) << name;
    EXPECT_EQ(joined.way.counters().dropped, single.way.counters().dropped) << name;
    EXPECT_EQ(joined.way.counters().corrupted, single.way.counters().corrupted) << name;
    ASSERT_EQ(joined.way.faults().size(), single.way.faults().size()) << name;
    for (size_t i = 0; i < joined.way.faults().size(); ++i) {
      EXPECT_EQ(joined.way.faults()[i].ordinal, single.way.faults()[i].ordinal) << name;
    }
    EXPECT_TRUE(joined.balances()) << name;
    if (name == "loss") {
      EXPECT_LT(joined.sent.size(), single.sent.size()) << "what goes on together stays joined";
    }
  }
}
// Hosts of a laboratory may send anything, with any offload header. Run under ASan as well.
TEST(SuperPacket, NoFrameBreaksTheLink) {
  std::mt19937 generator(5);
  const auto random = [&] { return static_cast<uint32_t>(generator()); };
  Bench b({.delay = kNanosPerMilli,
           .rate_bits = 1'000'000'000,
           .loss = 0.1,
           .reorder = 0.1,
           .duplicate = 0.1,
           .corrupt = 0.1});
  for (int i = 0; i < 30'000; ++i) {
    Made m = random() % 2 == 0 ? super_packet(random(), 1 + random() % 4, random() % 2 == 0)
                               : Made{std::vector<uint8_t>(random() % 200)};
    for (uint32_t k = random() % 8; k > 0 && !m.bytes.empty(); --k) {
      m.bytes[random() % std::min<size_t>(m.bytes.size(), 80)] = static_cast<uint8_t>(random());
    }
    if (random() % 4 == 0) m.bytes.resize(random() % (m.bytes.size() + 1));
    // On the heap and no longer than the frame, so that a look beyond it is seen.
    m.bytes.shrink_to_fit();
    Frame f = m.frame();
    if (random() % 2 == 0) f.vnet.gso_type = static_cast<uint8_t>(random());
    f.vnet.gso_size = static_cast<uint16_t>(random() % 3 == 0 ? random() % 4 : random() % 3000);
    f.vnet.flags = static_cast<uint8_t>(random());
    f.vnet.checksum_start = static_cast<uint16_t>(random() % 3 == 0 ? random() : 34);
    f.vnet.checksum_offset = static_cast<uint16_t>(random() % 3 == 0 ? random() : 16);
    b.way.take(f, b.now);
    b.move_to(b.now + 20 * kNanosPerMicro);
    if (i % 256 == 0) b.sent.clear();
  }
  b.move_to(b.now + kNanosPerSecond);
  EXPECT_TRUE(b.balances());
  EXPECT_EQ(b.way.waiting(), 0U);
}
TEST(SuperPacket, OneCorruptedSegmentIsRefusedTheOthersAreNot) {
  Bench b({.corrupt = 0.2});
  send_stream(b, true, 30, 9);
  uint64_t refused = 0;
  for (const Sent& s : b.sent) refused += s.bytes.size() < 1100 && !s.accepted();
  EXPECT_EQ(refused, b.way.counters().corrupted);
  EXPECT_GT(refused, 10U);
}
TEST(SuperPacket, IsSentSegmentBySegmentWhereTheRateWouldShow) {
  Bench b({.rate_bits = 80'000'000, .queue_bytes = 1'000'000});  // 10 bytes a microsecond
  Made whole = super_packet(1, 9);
  const auto began = b.now;
  b.way.take(as_super(whole), b.now);
  b.move_to(b.now + kNanosPerSecond);
  ASSERT_EQ(b.sent.size(), 9U);
  EXPECT_EQ(b.sent[0].at - began, (kSegment + 54) * 100);
  EXPECT_EQ(b.sent[7].at - began, 8 * (kSegment + 54) * 100);
  Bench fast({.rate_bits = 10'000'000'000});
  fast.way.take(as_super(whole), fast.now);
  fast.move_to(fast.now + kNanosPerSecond);
  ASSERT_EQ(fast.sent.size(), 1U);
  EXPECT_EQ(fast.sent[0].at - fast.now + kNanosPerSecond,
            static_cast<os::Nanos>(static_cast<double>(whole.bytes.size() + 8 * 54) * 0.8));
}
}  // namespace
}  // namespace mirrorlab::wirebox
