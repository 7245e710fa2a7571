// Wire layer: sequence arithmetic, checksums, options, packets there and back.
#include <gtest/gtest.h>

#include <vector>

#include "wire/checksum.h"
#include "wire/packet.h"

namespace mirrorlab::wire {
namespace {

TEST(Seq, ComparesAcrossTheWrap) {
  EXPECT_TRUE(Seq(0xfffffff0).before(Seq(5)));
  EXPECT_TRUE(Seq(5).after(Seq(0xfffffff0)));
  EXPECT_EQ(Seq(5).since(Seq(0xfffffffb)), 10);
}

TEST(Seq, UnwrapFindsTheOffsetNearestTheHint) {
  const Seq zero(0xffffff00);
  for (const int64_t offset :
       {int64_t{0}, int64_t{255}, int64_t{256}, int64_t{1} << 32, (int64_t{5} << 32) + 77}) {
    EXPECT_EQ(unwrap(wrap(offset, zero), zero, offset + 1000000), offset);
    EXPECT_EQ(unwrap(wrap(offset, zero), zero, offset - 1000000), offset);
  }
}

TEST(Checksum, AgreesWithTheExampleOfRfc1071) {
  const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(checksum_finish(checksum_add(0, data)), static_cast<uint16_t>(~0xddf2));
}

TEST(Packet, WrittenPacketsReadBackWithValidChecksums) {
  for (const char* address : {"10.1.2.3", "fd00::7"}) {
    TcpHeader h;
    h.src = {*IpAddress::parse(address), 40000};
    h.dst = {*IpAddress::parse(address), 80};
    h.seq = Seq(0xfffffffe);
    h.ack = Seq(7);
    h.flags = tcp_flag::kAck | tcp_flag::kPsh;
    h.window = 512;
    h.options.timestamps = TcpTimestamps{1, 2};
    h.options.sack[0] = {Seq(10), Seq(20)};
    h.options.sack_count = 1;
    for (size_t n = 0; n < 40; ++n) {
      const std::vector<uint8_t> payload(n, static_cast<uint8_t>(n));
      uint8_t buffer[kMaxHeaderBytes + 40];
      const size_t length = write_packet(h, payload, buffer);
      const auto p = parse_ip_packet({buffer, length});
      ASSERT_TRUE(p.has_value());
      EXPECT_TRUE(p->checksum_valid());
      EXPECT_EQ(p->header.src, h.src);
      EXPECT_EQ(p->header.seq, h.seq);
      EXPECT_EQ(p->header.options, h.options);
      EXPECT_EQ(std::vector<uint8_t>(p->payload.begin(), p->payload.end()), payload);
      for (size_t cut = 0; cut < length; ++cut) {
        const auto part = parse_ip_packet({buffer, cut});
        if (part) EXPECT_TRUE(part->truncated());
      }
    }
  }
}

TEST(Options, MalformedTailEndsTheReading) {
  const uint8_t bytes[] = {2, 4, 5, 0xb4, 3, 0};
  bool malformed = false;
  const auto o = TcpOptions::parse(bytes, &malformed);
  EXPECT_TRUE(malformed);
  EXPECT_EQ(o.mss, 1460);
}

TEST(Endpoint, ParsesAndPrints) {
  EXPECT_EQ(Endpoint::parse("10.0.0.2:8080")->to_string(), "10.0.0.2:8080");
  EXPECT_EQ(Endpoint::parse("[fd00::1]:80")->to_string(), "[fd00::1]:80");
  EXPECT_FALSE(Endpoint::parse("fd00::1:80"));
  EXPECT_FALSE(Endpoint::parse("10.0.0.2:99999"));
  EXPECT_FALSE(Endpoint::parse("10.0.0.2"));
}

}  // namespace
}  // namespace mirrorlab::wire
