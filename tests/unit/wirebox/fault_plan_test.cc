// What a run did to packets can be done again, by name, whatever the scheduler does.
#include "harness/wirebox/fault_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <tuple>

#include "unit/wirebox/frames.h"

namespace mirrorlab::wirebox {
namespace {
using os::kNanosPerMicro;
using os::kNanosPerMilli;
using os::kNanosPerSecond;
constexpr uint32_t kFlows = 12, kPackets = 60;

using Name = std::tuple<std::string, uint32_t, uint64_t, uint64_t, FaultKind>;
std::vector<Name> names(const Bench& b) {
  std::vector<Name> all;
  for (const Fault& f : b.way.faults()) {
    all.emplace_back(f.flow.client.address.to_string(), f.number, f.ordinal, f.detail, f.kind);
  }
  std::ranges::sort(all);
  return all;
}

// The packets of kFlows flows, mixed, spaced and with client ports as `mood` says.
void play(Bench& b, uint32_t mood) {
  std::mt19937 random(mood);
  std::vector<uint32_t> order(kFlows * kPackets);
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i % kFlows;
  std::ranges::shuffle(order, random);
  std::vector<uint32_t> sent(kFlows);
  for (const uint32_t flow : order) {
    const std::string from =
        "10.1.0." + std::to_string(1 + flow) + ":" + std::to_string(20'000 + mood % 1000 + flow);
    b.take(tcp_frame(from, kServerText, sent[flow]++, "some data"));
    b.move_to(b.now + random() % 200 * kNanosPerMicro);
  }
  b.move_to(b.now + kNanosPerSecond);
}

const Settings kEverything{.delay = kNanosPerMilli,
                           .jitter = kNanosPerMilli,
                           .loss = 0.05,
                           .burst = 2,
                           .reorder = 0.05,
                           .duplicate = 0.05,
                           .corrupt = 0.05};

TEST(FaultPlan, AHundredReplaysDoTheSame) {
  Bench first(kEverything);
  play(first, 0);
  const auto expected = names(first);
  ASSERT_GT(expected.size(), 50U);
  for (uint32_t replay = 1; replay <= 100; ++replay) {
    // Another seed and other impairments: chance has no say any more.
    Bench b({.delay = kNanosPerMilli, .loss = 0.5, .duplicate = 0.5}, 1000 + replay);
    const FaultPlan plan(first.way.faults(), Direction::a_to_b);
    b.way.replay(plan);
    play(b, replay);
    ASSERT_EQ(names(b), expected) << "replay " << replay;
    EXPECT_EQ(b.way.counters().planned, plan.packets());
    EXPECT_EQ(b.way.counters().dropped, first.way.counters().dropped);
    EXPECT_TRUE(b.balances());
  }
}
TEST(FaultPlan, WhatDownMtuAndTheQueueDroppedIsDroppedByName) {
  Bench first({.rate_bits = 8'000'000, .queue_bytes = 500, .mtu = 400});
  for (uint32_t i = 0; i < 40; ++i) {
    if (i == 10) first.way.change({.down = true});
    if (i == 20) first.way.change({.rate_bits = 8'000'000, .queue_bytes = 500, .mtu = 400});
    first.take(tcp_frame(kClientText, kServerText, i, std::string(i % 7 == 0 ? 500 : 50, 'x')));
    first.move_to(first.now + 20 * kNanosPerMicro);
  }
  const auto& dropped = first.way.counters().dropped;
  EXPECT_GT(dropped[static_cast<size_t>(Cause::down)], 0U);
  EXPECT_GT(dropped[static_cast<size_t>(Cause::too_long)], 0U);
  EXPECT_GT(dropped[static_cast<size_t>(Cause::queue)], 0U);
  Bench b({.rate_bits = 8'000, .queue_bytes = 100, .mtu = 1, .down = true});
  const FaultPlan plan(first.way.faults(), Direction::a_to_b);
  b.way.replay(plan);
  for (uint32_t i = 0; i < 40; ++i) b.take(tcp_frame(kClientText, kServerText, i, "x"));
  EXPECT_EQ(names(b), names(first));
  EXPECT_EQ(b.way.counters().dropped, dropped);
}
TEST(FaultPlan, ReordersAgainHoweverCloseThePacketsAre) {
  Bench first({.reorder = 0.3});
  for (uint32_t i = 0; i < 200; ++i) {
    first.take(tcp_frame(kClientText, kServerText, i, "x"));
    // Some are let go because their flow is silent, so that the next may be held at once.
    first.move_to(first.now + (i % 3 == 0 ? 10 * kNanosPerMilli : 0));
  }
  Bench b({});
  const FaultPlan plan(first.way.faults(), Direction::a_to_b);
  b.way.replay(plan);
  for (uint32_t i = 0; i < 200; ++i) b.take(tcp_frame(kClientText, kServerText, i, "x"));
  b.move_to(b.now + kNanosPerSecond);
  EXPECT_EQ(names(b), names(first));
  EXPECT_EQ(b.sent.size(), 200U);
  EXPECT_TRUE(b.balances());
}
TEST(FaultPlan, OtherDirectionsAndWhatTheBoxDidAreLeftOut) {
  Fault f;
  f.flow = {*wire::Endpoint::parse(kClientText), *wire::Endpoint::parse(kServerText)};
  f.protocol = 6;
  f.ordinal = 1;
  Fault back = f;
  back.direction = Direction::b_to_a;
  back.ordinal = 2;
  Fault box = f;
  box.kind = FaultKind::pool_full;
  box.ordinal = 0;
  const std::vector<Fault> faults{f, back, box};
  Bench b({});
  const FaultPlan plan(faults, Direction::a_to_b);
  EXPECT_EQ(plan.packets(), 1U);
  b.way.replay(plan);
  for (uint32_t i = 0; i < 4; ++i) b.take(tcp_frame("10.1.0.1:999", kServerText, i, "x"));
  EXPECT_EQ(b.order(), (std::vector<uint32_t>{0, 2, 3}));
}
TEST(FaultPlan, TheListIsBoundedAndSaysSo) {
  Bench b({.loss = 1});
  const auto made = tcp_frame(kClientText, kServerText, 1, "x");
  for (size_t i = 0; i < OneWay::kMaxFaults + 10; ++i) b.take(made);
  EXPECT_EQ(b.way.faults().size(), OneWay::kMaxFaults);
  EXPECT_EQ(b.way.counters().unlisted, 10U);
}
}  // namespace
}  // namespace mirrorlab::wirebox
