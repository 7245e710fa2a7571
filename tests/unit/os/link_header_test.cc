#include "os/link_header.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <pcap/dlt.h>

#include <algorithm>
#include <vector>

namespace mirrorlab::os {
namespace {

using Frame = std::vector<uint8_t>;

// `link`, then a byte of an IP packet.
std::optional<size_t> link_bytes(int type, Frame link) {
  link.push_back(0x45);
  const auto ip = ip_packet_in(type, link);
  if (!ip) return std::nullopt;
  EXPECT_EQ(ip->front(), 0x45);
  return link.size() - ip->size();
}
Frame ethernet(std::initializer_list<uint8_t> from_type) {
  Frame frame(12 + from_type.size(), 2);
  std::copy(from_type.begin(), from_type.end(), frame.begin() + 12);
  return frame;
}

TEST(LinkHeader, StepsOverEthernetAndAnyNumberOfTags) {
  EXPECT_EQ(link_bytes(DLT_EN10MB, ethernet({0x08, 0x00})), 14U);
  EXPECT_EQ(link_bytes(DLT_EN10MB, ethernet({0x86, 0xdd})), 14U);
  EXPECT_EQ(link_bytes(DLT_EN10MB, ethernet({0x81, 0x00, 0, 5, 0x08, 0x00})), 18U);
  EXPECT_EQ(link_bytes(DLT_EN10MB, ethernet({0x88, 0xa8, 0, 5, 0x81, 0x00, 0, 6, 0x86, 0xdd})),
            22U);
}

TEST(LinkHeader, StepsOverTunnelsOfTheLink) {
  EXPECT_EQ(link_bytes(DLT_EN10MB, ethernet({0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0x00, 0x21})), 22U)
      << "PPPoE";
  EXPECT_EQ(link_bytes(DLT_EN10MB, ethernet({0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64})), 22U)
      << "MPLS, two labels";
  Frame fabric = ethernet({0x89, 0x03, 0, 1});
  const Frame inner = ethernet({0x08, 0x00});
  fabric.insert(fabric.end(), inner.begin(), inner.end());
  EXPECT_EQ(link_bytes(DLT_EN10MB, fabric), 30U) << "FabricPath";
}

TEST(LinkHeader, TunnelsThatAreCutOrHoldOtherThingsHoldNoPacket) {
  EXPECT_FALSE(link_bytes(DLT_EN10MB, ethernet({0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0xc0, 0x21})));
  EXPECT_FALSE(link_bytes(DLT_EN10MB, ethernet({0x88, 0x64, 0x11, 0, 0, 1, 0})));
  EXPECT_FALSE(link_bytes(DLT_EN10MB, ethernet({0x88, 0x47, 0, 1, 0, 64, 0, 2})));
  EXPECT_FALSE(link_bytes(DLT_EN10MB, ethernet({0x89, 0x03, 0, 1, 2, 2})));
}

TEST(LinkHeader, OtherProtocolsAndShortFramesHoldNoPacket) {
  EXPECT_FALSE(link_bytes(DLT_EN10MB, ethernet({0x08, 0x06})));
  EXPECT_FALSE(link_bytes(DLT_EN10MB, ethernet({0x81, 0x00, 0x45})));
  EXPECT_FALSE(link_bytes(DLT_EN10MB, {1, 2, 3}));
  EXPECT_FALSE(link_bytes(DLT_LINUX_SLL, Frame(13)));
  EXPECT_FALSE(link_bytes(DLT_LINUX_SLL2, {0x08, 0x00, 1}));
  EXPECT_FALSE(link_bytes(DLT_PPP, {0xc0, 0x21}));
  EXPECT_FALSE(link_bytes(DLT_IEEE802_11, Frame(30)));
  EXPECT_FALSE(link_type_known(DLT_IEEE802_11));
}

TEST(LinkHeader, KnowsTheOtherLinkTypes) {
  Frame cooked(16);
  cooked[14] = 0x08;
  EXPECT_EQ(link_bytes(DLT_LINUX_SLL, cooked), 16U);
  Frame cooked2 = {0x86, 0xdd};
  cooked2.resize(20);
  EXPECT_EQ(link_bytes(DLT_LINUX_SLL2, cooked2), 20U);
  EXPECT_EQ(link_bytes(DLT_RAW, {}), 0U);
  EXPECT_EQ(link_bytes(DLT_NULL, {2, 0, 0, 0}), 4U);
  EXPECT_EQ(link_bytes(DLT_PPP, {0xff, 0x03, 0x00, 0x21}), 4U);
  EXPECT_EQ(link_bytes(DLT_PPP, {0x00, 0x57}), 2U);
}

TEST(LinkHeader, AFrameIsForThisHostOnce) {
  EXPECT_EQ(addressed(PACKET_HOST, 0x0800, false, 0), Addressed::here);
  EXPECT_EQ(addressed(PACKET_OTHERHOST, 0x0800, false, 0), Addressed::elsewhere);
  EXPECT_EQ(addressed(PACKET_OUTGOING, 0x86dd, false, 0), Addressed::elsewhere);
  EXPECT_EQ(addressed(PACKET_HOST, 0x0800, true, 5), Addressed::outer);
  EXPECT_EQ(addressed(PACKET_HOST, 0x0800, true, 0xe000), Addressed::here) << "a priority only";
  EXPECT_EQ(addressed(PACKET_HOST, 0x8100, false, 0), Addressed::not_ip);
}

}  // namespace
}  // namespace mirrorlab::os
