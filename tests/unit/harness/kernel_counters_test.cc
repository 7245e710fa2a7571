#include "harness/cli/kernel_counters.h"

#include <gtest/gtest.h>

namespace mirrorlab::cli {
namespace {

TEST(KernelCounters, ReadsNamesAboveNumbers) {
  DropCounters c;
  add_counters(
      "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPBacklogDrop\n"
      "TcpExt: 7 3 4 18446744073709551615\n"
      "IpExt: InNoRoutes InMcastPkts\n"
      "IpExt: 5 6\n",
      c);
  EXPECT_EQ(c.at("TcpExt.ListenOverflows"), 3U);
  EXPECT_EQ(c.at("TcpExt.ListenDrops"), 4U);
  EXPECT_FALSE(c.contains("TcpExt.SyncookiesSent")) << "is no drop";
}
TEST(KernelCounters, TextThatIsNoTableGivesNothing) {
  for (const char* text :
       {"", "TcpExt: A\n", "TcpExt: ListenDrops\nIpExt: 1\n", "\n\n", "a b\nc"}) {
    DropCounters c;
    add_counters(text, c);
    EXPECT_TRUE(c.empty()) << text;
  }
}
TEST(KernelCounters, ThisKernelHasThem) {
  const auto c = read_drop_counters();
  for (const char* name :
       {"Ip.InDiscards", "Ip.OutDiscards", "Tcp.InErrs", "TcpExt.ListenOverflows",
        "TcpExt.TCPBacklogDrop", "TcpExt.TCPReqQFullDrop"}) {
    EXPECT_TRUE(c.contains(name)) << name;
  }
  EXPECT_FALSE(read_device_drops().contains("lo"));
}
TEST(KernelCounters, WhatAHostWasSending) {
  EXPECT_TRUE(is_outgoing("Ip.OutNoRoutes"));
  EXPECT_TRUE(is_outgoing("Ip6.OutDiscards"));
  EXPECT_FALSE(is_outgoing("TcpExt.ListenDrops"));
}
}  // namespace
}  // namespace mirrorlab::cli
