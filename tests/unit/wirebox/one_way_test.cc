// One direction of a link, each impairment alone, with the clock moved by hand.
#include "harness/wirebox/one_way.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/wirebox/frames.h"
#include "wire/checksum.h"

namespace mirrorlab::wirebox {
namespace {
using os::kNanosPerMicro;
using os::kNanosPerMilli;
using os::kNanosPerSecond;

Made numbered(uint32_t seq, size_t payload = 100) {
  return tcp_frame(kClientText, kServerText, seq, std::string(payload, 'x'));
}
uint64_t dropped(const Bench& b, Cause cause) {
  return b.way.counters().dropped[static_cast<size_t>(cause)];
}

TEST(OneWay, DoesNothingByDefault) {
  Bench b({});
  for (uint32_t i = 0; i < 10; ++i) b.take(numbered(i));
  ASSERT_EQ(b.sent.size(), 10U);
  EXPECT_EQ(b.sent[0].bytes, numbered(0).bytes);
  EXPECT_TRUE(b.balances());
}
TEST(OneWay, DelaysByExactlyTheDelay) {
  Bench b({.delay = 5 * kNanosPerMilli});
  const auto began = b.now;
  b.take(numbered(1));
  EXPECT_TRUE(b.sent.empty());
  b.move_to(began + 10 * kNanosPerMilli);
  ASSERT_EQ(b.sent.size(), 1U);
  EXPECT_EQ(b.sent[0].at, began + 5 * kNanosPerMilli);
}
TEST(OneWay, JitterKeepsTheOrderAndTheBounds) {
  Bench b({.delay = 5 * kNanosPerMilli, .jitter = 2 * kNanosPerMilli});
  const auto began = b.now;
  for (uint32_t i = 0; i < 200; ++i) {
    b.take(numbered(i));
    b.move_to(b.now + 100 * kNanosPerMicro);
  }
  b.move_to(b.now + kNanosPerSecond);
  ASSERT_EQ(b.sent.size(), 200U);
  EXPECT_TRUE(std::ranges::is_sorted(b.order()));
  os::Nanos shortest = kNanosPerSecond, longest = 0;
  for (size_t i = 0; i < 200; ++i) {
    const auto took = b.sent[i].at - (began + static_cast<int64_t>(i) * 100 * kNanosPerMicro);
    shortest = std::min(shortest, took);
    longest = std::max(longest, took);
  }
  EXPECT_GE(shortest, 3 * kNanosPerMilli);
  EXPECT_LE(longest, 7 * kNanosPerMilli);
  EXPECT_GT(longest - shortest, kNanosPerMilli);
}
TEST(OneWay, RateSpacesFramesAndDropsBeyondTheQueue) {
  const auto frame_bytes = numbered(0, 1000).bytes.size();
  // A frame takes 10 ms; two may wait.
  Bench b({.rate_bits = frame_bytes * 800, .queue_bytes = frame_bytes * 2});
  const auto began = b.now;
  for (uint32_t i = 0; i < 5; ++i) b.take(numbered(i, 1000));
  EXPECT_EQ(dropped(b, Cause::queue), 3U);
  b.move_to(began + kNanosPerSecond);
  ASSERT_EQ(b.sent.size(), 2U);
  EXPECT_EQ(b.sent[0].at, began + 10 * kNanosPerMilli);
  EXPECT_EQ(b.sent[1].at, began + 20 * kNanosPerMilli);
  EXPECT_TRUE(b.balances());
}
TEST(OneWay, AFrameLargerThanTheQueuePassesAlone) {
  Bench b({.rate_bits = 1'000'000, .queue_bytes = 100});
  b.take(numbered(0, 1000));
  b.move_to(b.now + kNanosPerSecond);
  EXPECT_EQ(b.sent.size(), 1U);
}
TEST(OneWay, LosesAndListsByName) {
  Bench b({.loss = 0.2});
  for (uint32_t i = 0; i < 1000; ++i) b.take(numbered(i));
  EXPECT_NEAR(static_cast<double>(dropped(b, Cause::loss)), 200, 60);
  ASSERT_EQ(b.way.faults().size(), dropped(b, Cause::loss));
  const Fault& first = b.way.faults()[0];
  EXPECT_EQ(first.flow.client.to_string(), kClientText);
  EXPECT_EQ(first.kind, FaultKind::loss);
  const auto order = b.order();
  EXPECT_EQ(std::ranges::find(order, first.ordinal), order.end());
  EXPECT_TRUE(b.balances());
}
TEST(OneWay, TheOpenersPortPlaysNoPart) {
  std::vector<uint64_t> lost[2];
  for (const int run : {0, 1}) {
    Bench b({.loss = 0.3});
    for (uint32_t i = 0; i < 100; ++i) {
      b.take(tcp_frame(run == 0 ? "10.1.0.1:40000" : "10.1.0.1:51234", kServerText, i, "x"));
    }
    for (const Fault& d : b.way.faults()) lost[run].push_back(d.ordinal);
  }
  EXPECT_EQ(lost[0], lost[1]);
  EXPECT_FALSE(lost[0].empty());
}
TEST(OneWay, DuplicatesAreWholeAndNextToEachOther) {
  Bench b({.duplicate = 1});
  b.take(numbered(1));
  b.take(numbered(2));
  EXPECT_EQ(b.order(), (std::vector<uint32_t>{1, 1, 2, 2}));
  EXPECT_EQ(b.way.counters().duplicated, 2U);
  EXPECT_TRUE(b.balances());
}
TEST(OneWay, ReorderedPacketsAreOvertakenByAtMostThree) {
  Bench b({.reorder = 0.2});
  for (uint32_t i = 0; i < 500; ++i) b.take(numbered(i));
  b.move_to(b.now + kNanosPerSecond);
  const auto order = b.order();
  ASSERT_EQ(order.size(), 500U);
  EXPECT_FALSE(std::ranges::is_sorted(order));
  for (size_t i = 0; i < order.size(); ++i) EXPECT_LE(i, order[i] + 3);
  EXPECT_GT(b.way.counters().reordered, 50U);
}
TEST(OneWay, AHeldPacketOfASilentFlowIsLetGo) {
  Bench b({.reorder = 1});
  const auto began = b.now;
  b.take(numbered(1));
  EXPECT_TRUE(b.sent.empty());
  b.move_to(began + kNanosPerSecond);
  ASSERT_EQ(b.sent.size(), 1U);
  EXPECT_EQ(b.sent[0].at, began + ReorderHold::kPatience);
}
TEST(OneWay, CorruptionIsAlwaysSeenByAChecksum) {
  for (const bool v6 : {false, true}) {
    Bench b({.corrupt = 1});
    for (uint32_t i = 0; i < 2000; ++i) {
      Made m = v6 ? tcp_frame("[fd00::1]:4000", "[fd00::2]:80", i, "some data here")
                  : tcp_frame(kClientText, kServerText, i, "some data here");
      const auto clean = m.bytes;
      b.take(m);
      const Sent& s = b.sent.back();
      ASSERT_NE(s.bytes, clean);
      ASSERT_FALSE(s.accepted()) << i;
    }
  }
}
TEST(OneWay, CorruptionFinishesAChecksumLeftToTheDevice) {
  Bench b({.corrupt = 1});
  for (uint32_t i = 0; i < 200; ++i) {
    Made m = numbered(i);
    // What a sender with checksum offload hands over: the pseudo header's sum, not inverted.
    const auto ip = wire::Bytes(m.bytes).subspan(kEthernetBytes);
    std::vector<uint8_t> pseudo(ip.begin() + 12, ip.begin() + 20);
    pseudo.insert(pseudo.end(), {0, 6, 0, static_cast<uint8_t>(ip.size() - 20)});
    const auto folded =
        static_cast<uint16_t>(~wire::checksum_finish(wire::checksum_add(0, pseudo)));
    wire::store16(m.bytes.data() + kEthernetBytes + 20 + 16, folded);
    Frame f = m.frame();
    f.vnet.flags = VnetHeader::kNeedsChecksum;
    f.vnet.checksum_start = kEthernetBytes + 20;
    f.vnet.checksum_offset = 16;
    if (i == 0) {
      Frame finished = f;
      finish_checksum(finished);
      EXPECT_EQ(m.bytes, numbered(i).bytes) << "the finished checksum is the right one";
      continue;
    }
    b.way.take(f, b.now);
    EXPECT_NE(b.sent.back().bytes, numbered(i).bytes);
    EXPECT_EQ(std::ranges::count_if(b.sent, &Sent::accepted), 0);
  }
}
TEST(OneWay, DownStopsEverythingAndMtuTheLarge) {
  Bench b({.mtu = 600});
  b.take(numbered(1, 400));
  b.take(numbered(2, 1000));
  EXPECT_EQ(dropped(b, Cause::too_long), 1U);
  b.way.change({.down = true});
  b.take(numbered(3));
  Made arp{std::vector<uint8_t>(42)};
  arp.bytes[12] = 8;
  arp.bytes[13] = 6;
  b.take(arp);
  EXPECT_EQ(dropped(b, Cause::down), 2U);
  b.way.change({});
  b.take(numbered(4));
  EXPECT_EQ(b.order(), (std::vector<uint32_t>{1, 4}));
  EXPECT_TRUE(b.balances());
}
TEST(OneWay, ArpPassesAtOnceThroughALinkThatLosesEverything) {
  Bench b({.delay = kNanosPerSecond, .loss = 1});
  Made arp{std::vector<uint8_t>(42)};
  arp.bytes[12] = 8;
  arp.bytes[13] = 6;
  b.take(arp);
  EXPECT_EQ(b.sent.size(), 1U);
  EXPECT_EQ(b.way.counters().unharmed, 1U);
}
TEST(OneWay, AFullPoolDropsAndSaysSo) {
  Bench b({.delay = kNanosPerSecond});
  for (uint32_t i = 0; i < 6000; ++i) b.take(numbered(i));
  EXPECT_GT(dropped(b, Cause::pool_full), 0U);
  b.move_to(b.now + 2 * kNanosPerSecond);
  EXPECT_TRUE(b.balances());
}
TEST(OneWay, NothingLeavesWhileShutButOneByOne) {
  Bench b({.delay = kNanosPerMilli});
  b.take(numbered(1));
  b.way.shut(true);
  b.take(numbered(2));
  b.now += kNanosPerSecond;
  b.way.release(b.now);
  Made arp{std::vector<uint8_t>(42)};
  arp.bytes[12] = 8;
  arp.bytes[13] = 6;
  b.take(arp);
  EXPECT_TRUE(b.sent.empty());
  EXPECT_EQ(b.way.waiting(), 3U);
  EXPECT_TRUE(b.way.release_one(b.now));
  EXPECT_EQ(b.order(), (std::vector<uint32_t>{1}));
  b.way.shut(false);
  b.way.release(b.now);
  EXPECT_EQ(b.sent.size(), 3U);
  EXPECT_EQ(b.way.waiting(), 0U);
  EXPECT_FALSE(b.way.release_one(b.now));
  EXPECT_TRUE(b.balances());
}
TEST(OneWay, EverythingAtOnceStillBalances) {
  Bench b({.delay = kNanosPerMilli,
           .jitter = kNanosPerMilli,
           .rate_bits = 50'000'000,
           .queue_bytes = 20'000,
           .loss = 0.05,
           .burst = 3,
           .reorder = 0.1,
           .duplicate = 0.1,
           .corrupt = 0.05});
  for (uint32_t i = 0; i < 5000; ++i) {
    b.take(tcp_frame("10.1.0." + std::to_string(1 + i % 20) + ":4000", kServerText, i, "data"));
    b.move_to(b.now + 8 * kNanosPerMicro);
  }
  b.move_to(b.now + kNanosPerSecond);
  EXPECT_TRUE(b.balances());
  EXPECT_GT(b.way.counters().out, 3000U);
}
}  // namespace
}  // namespace mirrorlab::wirebox
