// The ledger: each hop's arithmetic, and that a packet made away with, or made up, at any hop is
// found at that hop.
#include "harness/verify/ledger.h"

#include <gtest/gtest.h>

#include "harness/verify/verify.h"
#include "unit/harness/good_evidence.h"

namespace mirrorlab::verify {
namespace {

const wire::Endpoint kReturn = *wire::Endpoint::parse("10.2.0.2:36524");
const wire::Endpoint kEngine = *wire::Endpoint::parse("10.1.255.1:50000");
constexpr int64_t kEnd = 20'000'000'000;

LedgerLine line(uint64_t in, uint64_t out) {
  LedgerLine l;
  l.in = in;
  l.out = out;
  return l;
}

TEST(LedgerLine, BalancesWhenEveryPacketHasItsPlace) {
  LedgerLine l = line(100, 97);
  l.dropped = {{"loss", 4}};
  l.gained = {{"duplicates", 1}};
  settle(l, {});
  EXPECT_EQ(l.balance, Balance::balanced);
  EXPECT_EQ(l.unaccounted, 0);
}
TEST(LedgerLine, AMissingPacketIsCounted) {
  LedgerLine l = line(100, 97);
  settle(l, {});
  EXPECT_EQ(l.balance, Balance::unbalanced);
  EXPECT_EQ(l.unaccounted, 3);
}
TEST(LedgerLine, APacketOutOfNothingIsCounted) {
  LedgerLine l = line(100, 97);
  l.dropped = {{"loss", 5}};
  settle(l, {});
  EXPECT_EQ(l.balance, Balance::unbalanced);
  EXPECT_EQ(l.unaccounted, -2);
}
TEST(LedgerLine, AllowancesExplainNoMoreThanTheyHold) {
  LedgerLine l = line(100, 90);
  settle(l, {{{"queue", 4}, {"dropped by devices", 5}}, {}});
  EXPECT_EQ(l.unaccounted, 1);
  ASSERT_EQ(l.dropped.size(), 2U);
  EXPECT_EQ(l.dropped[0].packets, 4U);
  EXPECT_EQ(l.dropped[1].packets, 5U);
  l = line(100, 98);
  settle(l, {{{"queue", 4}, {"dropped by devices", 5}}, {}});
  EXPECT_EQ(l.balance, Balance::balanced);
  ASSERT_EQ(l.dropped.size(), 1U);
  EXPECT_EQ(l.dropped[0].packets, 2U);
}
TEST(LedgerLine, IsOpenOnlyInTheDirectionAMissingCountExplains) {
  LedgerLine l = line(100, 90);
  settle(l, {{}, {}, true, false});
  EXPECT_EQ(l.balance, Balance::open);
  l = line(90, 100);
  settle(l, {{}, {}, true, false});
  EXPECT_EQ(l.balance, Balance::unbalanced);
}

// Ten client packets, ten answers, eight mirrored packets, five replies, five records.
Evidence counted() {
  Evidence e = good();
  e.clients = PacketLog();
  e.online = PacketLog();
  e.test = PacketLog();
  e.taps_until_ns = kEnd;
  e.test_connections_left = 0;
  TapWriter clients(e.clients);
  TapWriter online(e.online);
  TapWriter test(e.test);
  for (uint32_t i = 0; i < 10; ++i) {
    clients.packet(kClient, kOnline, i, 1, flag::kAck, "x", false, true);
    online.packet(kClient, kOnline, i, 1, flag::kAck, "x");
    online.packet(kOnline, kClient, i, 1, flag::kAck, "y", false, true);
    clients.packet(kOnline, kClient, i, 1, flag::kAck, "y");
  }
  for (uint32_t i = 0; i < 8; ++i) {
    online.packet(kClient, kTest, i, 1, flag::kAck, "x", false, true);
    test.packet(kClient, kTest, i, 1, flag::kAck, "x");
  }
  test.packet(kReturn, kEngine, 1, 1, flag::kAck, "z", false, true);
  online.packet(kReturn, kEngine, 1, 1, flag::kAck, "z");
  e.hops.ways = {{"clients", "online", {}, 0, 0},
                 {"online", "clients", {}, 0, 0},
                 {"online", "test", {}, 0, 0},
                 {"test", "online", {}, 0, 0}};
  EngineSays copy{"copy", "copy", "online", "online", {kOnline}, {}, {}, "", kEnd};
  copy.figures = {{"capture", {{"packets", 10U}}},
                  {"counters", {{"segments_sent", 8U}, {"header_records", 5U}}},
                  {"inject", {{"packets", 8U}}},
                  {"header_return", {{"records", 5U}}}};
  EngineSays intercept{"intercept", "intercept", "test", "test", {}, kReturn, {}, "", kEnd};
  intercept.figures = {{"counters", {{"replies_taken", 5U}, {"records_returned", 5U}}}};
  e.hops.engines = {copy, intercept};
  e.hops.queues = {{"intercept", 5, 0, 0, 0, kEnd - 1}};
  return e;
}
const LedgerLine& at(const Ledger& ledger, const std::string& hop, const std::string& what) {
  for (const auto& l : ledger.lines) {
    if (l.hop == hop && l.what.starts_with(what)) return l;
  }
  ADD_FAILURE() << "no hop " << hop << " of " << what;
  return ledger.lines.front();
}
std::string unbalanced(const Evidence& e) {
  std::string hops;
  for (const auto& l : make_ledger(e).lines) {
    if (l.balance == Balance::unbalanced) hops += (hops.empty() ? "" : "; ") + l.hop;
  }
  return hops;
}

TEST(Ledger, CountsEveryHop) {
  const Ledger ledger = make_ledger(counted());
  EXPECT_EQ(ledger.unbalanced(), 0U);
  EXPECT_EQ(ledger.lines.size(), 11U);
  EXPECT_EQ(at(ledger, "clients > online", "client packets").in, 10U);
  EXPECT_EQ(at(ledger, "online > test", "mirrored").out, 8U);
  EXPECT_EQ(at(ledger, "test > intercept", "replies").in, 5U);
}
TEST(Ledger, APacketThatVanishesBetweenTapsIsFoundWhereItVanished) {
  Evidence e = counted();
  TapWriter(e.clients).packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  EXPECT_EQ(unbalanced(e), "clients > online");
  e = counted();
  TapWriter(e.online).packet(kClient, kTest, 99, 1, flag::kAck, "x", false, true);
  e.hops.engines[0].figures["inject"]["packets"] = 9U;
  e.hops.engines[0].figures["counters"]["segments_sent"] = 9U;
  EXPECT_EQ(unbalanced(e), "online > test");
  const Report r = verify(e);
  EXPECT_FALSE(passes(r, "ledger"));
  EXPECT_TRUE(passes(r, "engine_figures"));
  EXPECT_EQ(r.metrics.at("ledger.unbalanced"), 1);
  EXPECT_EQ(r.metrics.at("ledger.unaccounted"), 1);
}
TEST(Ledger, APacketOutOfNothingIsFoundWhereItCameFrom) {
  Evidence e = counted();
  TapWriter(e.test).packet(kClient, kTest, 99, 1, flag::kAck, "x");
  EXPECT_EQ(unbalanced(e), "online > test");
  EXPECT_NE(find_check(verify(e), "ledger").detail.find("1 came out of nothing"),
            std::string::npos);
}
TEST(Ledger, WhatALinkDroppedByNameIsAccountedForAndOnlyThat) {
  Evidence e = counted();
  TapWriter online(e.online);
  for (uint32_t i = 0; i < 2; ++i) {
    online.packet(kClient, kTest, 90 + i, 1, flag::kAck, "x", false, true);
  }
  e.hops.engines[0].figures["inject"]["packets"] = 10U;
  e.hops.engines[0].figures["counters"]["segments_sent"] = 10U;
  StageCount stage;
  stage.link = "online-test";
  stage.dropped = {{"loss", 2}};
  stage.listed = {{{kClient, kTest}, "loss"}, {{kEngine, kReturn}, "loss"}};
  e.hops.ways[2].stages = {stage};
  EXPECT_EQ(unbalanced(e), "online > test") << "one of the two was of the header connection";
  stage.listed[1].flow = {kClient, kTest};
  e.hops.ways[2].stages = {stage};
  EXPECT_EQ(unbalanced(e), "");
  EXPECT_EQ(make_ledger(e).dropped(), 2U);
}
TEST(Ledger, DropsThatTheListNoLongerHoldsMayBeOfAnyFlow) {
  Evidence e = counted();
  TapWriter(e.clients).packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  StageCount stage;
  stage.dropped = {{"loss", 1}};
  e.hops.ways[0].stages = {stage};
  EXPECT_EQ(unbalanced(e), "");
}
TEST(Ledger, DevicesThatDroppedExplainAsManyPackets) {
  Evidence e = counted();
  TapWriter clients(e.clients);
  clients.packet(kClient, kOnline, 98, 1, flag::kAck, "x", false, true);
  clients.packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  e.hops.ways[0].device_drops = 1;
  EXPECT_EQ(unbalanced(e), "clients > online");
  e.hops.ways[0].device_drops = 2;
  EXPECT_EQ(unbalanced(e), "");
}
TEST(Ledger, APacketUnderWayAtTheEndIsNotMissing) {
  Evidence e = counted();
  TapWriter(e.clients, kEnd - 20'000'000)
      .packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  EXPECT_EQ(unbalanced(e), "");
  TapWriter(e.clients, kEnd).packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  EXPECT_EQ(make_ledger(e).lines[0].in, 11U) << "what came after the end is not counted";
}

// What an engine says that is not so.
TEST(Ledger, AnEngineThatMiscountsIsFound) {
  struct Lie {
    size_t engine;
    const char* group;
    const char* key;
    const char* hop;
  };
  for (const Lie& lie : {Lie{0, "capture", "packets", "online > copy"},
                         Lie{0, "counters", "segments_sent", "copy, sending"},
                         Lie{0, "inject", "packets", "copy, sending; copy > wire"},
                         Lie{0, "header_return", "records", "intercept > copy; copy, receiving"},
                         Lie{0, "counters", "header_records", "copy, receiving"},
                         Lie{1, "counters", "replies_taken", "test > intercept; intercept"},
                         Lie{1, "counters", "records_returned", "intercept; intercept > copy"}}) {
    for (const int off : {-1, 1}) {
      Evidence e = counted();
      auto& figure = e.hops.engines[lie.engine].figures[lie.group][lie.key];
      figure = static_cast<uint64_t>(figure.get<int64_t>() + off);
      EXPECT_EQ(unbalanced(e), lie.hop) << lie.key << " " << off;
      EXPECT_EQ(failing(verify(e)).find("engine_figures") == std::string::npos, false) << lie.key;
    }
  }
}
TEST(Ledger, AnEngineThatLosesPacketsSaysSo) {
  Evidence e = counted();
  TapWriter(e.online).packet(kClient, kOnline, 99, 1, flag::kAck, "x");
  TapWriter(e.clients).packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  EXPECT_EQ(unbalanced(e), "online > copy");
  e.hops.engines[0].figures["capture"]["kernel_drops"] = 1U;
  EXPECT_EQ(unbalanced(e), "");
  e.hops.engines[1].figures["counters"]["replies_taken"] = 4U;
  e.hops.engines[1].figures["counters"]["records_returned"] = 4U;
  e.hops.engines[0].figures["header_return"]["records"] = 4U;
  e.hops.engines[0].figures["counters"]["header_records"] = 4U;
  e.hops.queues[0].entered = 4;
  e.hops.queues[0].dropped_full = 1;
  EXPECT_EQ(unbalanced(e), "");
}
TEST(Ledger, AKilledEngineLeavesHopsOpenButNoLieStands) {
  Evidence e = counted();
  e.hops.engines[0].not_whole = "copy did not run all the time";
  TapWriter(e.online).packet(kClient, kOnline, 99, 1, flag::kAck, "x");
  TapWriter(e.clients).packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  const Ledger ledger = make_ledger(e);
  EXPECT_EQ(at(ledger, "online > copy", "client").balance, Balance::open);
  EXPECT_EQ(ledger.unbalanced(), 0U);
  e.hops.engines[0].figures["capture"]["packets"] = 12U;
  EXPECT_EQ(unbalanced(e), "online > copy") << "more than the tap saw";
}
TEST(Ledger, WithLostEvidenceNothingIsHeldAgainstAnyone) {
  Evidence e = counted();
  TapWriter(e.clients).packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  e.tap_drops = 1;
  EXPECT_EQ(unbalanced(e), "");
  EXPECT_FALSE(verify(e).inconclusive.empty());
}
TEST(Ledger, ARouterPassesOnWhatComes) {
  Evidence e = counted();
  Waypoint router{"r1", PacketLog()};
  TapWriter tap(router.seen);
  for (uint32_t i = 0; i < 2; ++i) tap.packet(kClient, kOnline, i, 1, flag::kAck, "x");
  tap.packet(kClient, kOnline, 0, 1, flag::kAck, "x", false, true);
  e.waypoints.push_back(std::move(router));
  EXPECT_EQ(unbalanced(e), "r1");
  e.hops.kernel_drops = {{"r1", "router", "Ip.InDiscards", 1, false, DropPlace::kernel}};
  EXPECT_EQ(unbalanced(e), "");
}
TEST(Ledger, WhatARoutersKernelDropsIsMissingAtTheFarEndToo) {
  Evidence e = counted();
  TapWriter(e.clients).packet(kClient, kOnline, 99, 1, flag::kAck, "x", false, true);
  e.waypoints.push_back({"r1", PacketLog()});
  e.hops.kernel_drops = {{"r2", "router", "Ip.FragFails", 1, true, DropPlace::kernel}};
  EXPECT_EQ(unbalanced(e), "clients > online") << "another host's";
  e.hops.kernel_drops[0].node = "r1";
  EXPECT_EQ(unbalanced(e), "");
}
TEST(Ledger, AHostOnTheWayMayCutWhatItsNextLinkDoesNotTakeWhole) {
  Evidence e = counted();
  TapWriter(e.test).packet(kClient, kTest, 99, 1, flag::kAck, "x");
  EXPECT_EQ(unbalanced(e), "online > test");
  e.hops.ways[2].recuts = true;
  EXPECT_EQ(unbalanced(e), "");
}
TEST(Ledger, ASuperPacketExplainsAMissingPacketOnlyWhereADeviceTakesItWhole) {
  Evidence e = counted();
  auto& figures = e.hops.engines[0].figures;
  figures["inject"] = {{"packets", 10U}, {"by_link", 10U}, {"frames", 7U}};
  figures["counters"]["segments_sent"] = 10U;
  EXPECT_EQ(unbalanced(e), "copy > wire") << "cut again before the tap: two are lost";
  e.hops.ways[2].offloads = true;
  EXPECT_EQ(unbalanced(e), "");
}
TEST(Ledger, WhatADevicesQueueDroppedIsExplainedByTheKernelsCountAlone) {
  Evidence e = counted();
  auto& figures = e.hops.engines[0].figures;
  figures["inject"] = {{"packets", 10U}, {"by_link", 10U}, {"frames", 7U}};
  figures["counters"]["segments_sent"] = 10U;
  e.hops.kernel_drops = {{"online", "online", "queue of test", 1, true, DropPlace::queue}};
  EXPECT_EQ(unbalanced(e), "copy > wire") << "one of two";
  e.hops.kernel_drops[0].packets = 2;
  EXPECT_EQ(unbalanced(e), "");
  const auto line = at(make_ledger(e), "copy > wire", "mirrored packets");
  ASSERT_EQ(line.dropped.size(), 1U);
  EXPECT_EQ(line.dropped[0].name, "queue of test");
  const Report r = verify(e);
  EXPECT_EQ(r.metrics.at("box.queue_drops"), 2);
  EXPECT_EQ(r.metrics.at("box.interface_drops"), 0);
}
TEST(Ledger, NothingCountedIsNoLedger) { EXPECT_TRUE(make_ledger(good()).lines.empty()); }
}  // namespace
}  // namespace mirrorlab::verify
