#include "intercept/core/reply_header.h"

#include <gtest/gtest.h>

#include <vector>

namespace mirrorlab::intercept {
namespace {

std::vector<uint8_t> super_packet(const char* from, const char* to) {
  wire::TcpHeader header;
  header.src = *wire::Endpoint::parse(from);
  header.dst = *wire::Endpoint::parse(to);
  header.seq = wire::Seq(7);
  header.flags = wire::tcp_flag::kAck;
  std::vector<uint8_t> bytes(wire::kMaxHeaderBytes + 100);
  const std::vector<uint8_t> data(100);
  bytes.resize(wire::write_packet(header, data, bytes.data()));
  return bytes;
}

TEST(ReplyHeader, PayloadLengthIsThatOfTheIpHeaderThoughThePacketWasCut) {
  auto bytes = super_packet("10.2.0.2:80", "10.1.0.1:40000");
  const auto record = read_reply(wire::Bytes(bytes).first(60), bytes.size());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->payload_length, 100U);
  EXPECT_EQ(record->flow.client.to_string(), "10.1.0.1:40000");
  EXPECT_EQ(record->flow.server.to_string(), "10.2.0.2:80");
}

TEST(ReplyHeader, WithoutIpLengthThePacketsOwnCounts) {
  auto v4 = super_packet("10.2.0.2:80", "10.1.0.1:40000");
  v4[2] = v4[3] = 0;
  const auto four = read_reply(v4, 200'040);
  ASSERT_TRUE(four);
  EXPECT_EQ(four->payload_length, 200'000U);
  auto v6 = super_packet("[fd00::2]:80", "[fd00::1]:40000");
  v6[4] = v6[5] = 0;
  const auto six = read_reply(v6, 200'060);
  ASSERT_TRUE(six);
  EXPECT_EQ(six->payload_length, 200'000U);
}

TEST(ReplyHeader, SaysWhyThereIsNone) {
  const std::vector<uint8_t> cut(10, 0x45);
  EXPECT_EQ(read_reply(cut, 10).error(), wire::ParseError::truncated);
}

}  // namespace
}  // namespace mirrorlab::intercept
