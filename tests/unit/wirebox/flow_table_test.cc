// Flows are named by who opened them and how many came before, not by random ports.
#include "harness/wirebox/flow_table.h"

#include <gtest/gtest.h>

#include "unit/wirebox/frames.h"

namespace mirrorlab::wirebox {
namespace {
namespace flag = wire::tcp_flag;

IpInfo info(const std::string& from, const std::string& to, uint32_t seq = 0,
            uint8_t flags = flag::kAck) {
  return *inspect(tcp_frame(from, to, seq, "", flags).frame().view());
}

TEST(FlowTable, BothDirectionsAreOneFlow) {
  FlowTable t;
  const auto there = t.find(info(kClientText, kServerText));
  EXPECT_EQ(t.find(info(kServerText, kClientText)), there);
  EXPECT_EQ(t.at(there).opened.client.to_string(), kClientText);
}
TEST(FlowTable, TheSecondConnectionIsTheSecondWhateverItsPort) {
  FlowTable a, b;
  (void)a.find(info("10.1.0.1:1111", kServerText, 5, flag::kSyn));
  (void)b.find(info("10.1.0.1:2222", kServerText, 9, flag::kSyn));
  const auto second_a = a.find(info("10.1.0.1:3333", kServerText, 6, flag::kSyn));
  const auto second_b = b.find(info("10.1.0.1:4444", kServerText, 7, flag::kSyn));
  EXPECT_EQ(a.at(second_a).identity, b.at(second_b).identity);
  EXPECT_NE(a.at(0).identity, a.at(second_a).identity);
  // Another client's are its own.
  const auto other = a.find(info("10.1.0.2:1111", kServerText, 5, flag::kSyn));
  EXPECT_EQ(a.at(other).number, 0U);
  EXPECT_NE(a.at(other).identity, a.at(0).identity);
}
TEST(FlowTable, AReusedPortIsANewFlowARepeatedSynIsNot) {
  FlowTable t;
  const auto first = t.find(info(kClientText, kServerText, 100, flag::kSyn));
  EXPECT_EQ(t.find(info(kClientText, kServerText, 100, flag::kSyn)), first);
  const auto second = t.find(info(kClientText, kServerText, 900, flag::kSyn));
  EXPECT_NE(second, first);
  EXPECT_EQ(t.at(second).number, 1U);
  EXPECT_EQ(t.find(info(kServerText, kClientText)), second);
}
TEST(FlowTable, ForgetsAllAtTheLimitAndCountsIt) {
  FlowTable t;
  (void)t.find(info(kClientText, kServerText));
  EXPECT_FALSE(t.full());
  t.forget_all();
  EXPECT_EQ(t.times_forgotten(), 1U);
  EXPECT_EQ(t.at(t.find(info(kClientText, kServerText))).number, 0U);
}
TEST(Inspect, WhatIsNoTransportPacketPassesUnharmed) {
  std::vector<uint8_t> bytes = tcp_frame(kClientText, kServerText, 1, "x").bytes;
  for (size_t size = 0; size < bytes.size() - 1; ++size) {
    const auto found = inspect(wire::Bytes(bytes).first(size));
    EXPECT_EQ(found.has_value(), size >= kEthernetBytes + 40) << size;
  }
  bytes = tcp_frame("[fd00::1]:1", "[fd00::2]:2", 1, "x").bytes;
  EXPECT_TRUE(inspect(bytes));
  bytes[kEthernetBytes + 6] = 58;    // ICMPv6
  bytes[kEthernetBytes + 40] = 135;  // neighbour solicitation
  EXPECT_FALSE(inspect(bytes));
  bytes[kEthernetBytes + 40] = 128;  // echo request
  EXPECT_TRUE(inspect(bytes));
}
}  // namespace
}  // namespace mirrorlab::wirebox
