// Packets as captures really hold them: extension headers, IP options, padding, cuts,
// super-packets, lengths that contradict each other.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "wire/checksum.h"
#include "wire/packet.h"

namespace mirrorlab::wire {
namespace {
using Blob = std::vector<uint8_t>;

Blob written(const char* address, size_t payload) {
  TcpHeader h;
  h.src = {*IpAddress::parse(address), 40000};
  h.dst = {*IpAddress::parse(address), 80};
  h.seq = Seq(1000);
  h.ack = Seq(2000);
  h.flags = tcp_flag::kAck | tcp_flag::kPsh;
  h.options.timestamps = TcpTimestamps{1, 2};
  Blob out(kMaxHeaderBytes + payload);
  const Blob data(payload, 0x5a);
  out.resize(write_packet(h, data, out.data()));
  return out;
}
Blob v4(size_t payload = 10) { return written("10.1.2.3", payload); }
Blob v6(size_t payload = 10) { return written("fd00::7", payload); }

ParseError error_of(const Blob& packet) {
  const auto p = parse_ip_packet(packet);
  EXPECT_FALSE(p.has_value());
  return p ? ParseError::bad_checksum : p.error();
}

// Puts `headers` between the IPv6 header and TCP; `first` is the first one's protocol number.
Blob with_extensions(uint8_t first, const Blob& headers) {
  Blob packet = v6();
  packet[6] = first;
  packet.insert(packet.begin() + 40, headers.begin(), headers.end());
  store16(&packet[4], static_cast<uint32_t>(packet.size() - 40));
  return packet;
}

TEST(Ipv6Extensions, HopByHopRoutingAndDestinationOptionsAreSkipped) {
  for (const uint8_t kind : std::initializer_list<uint8_t>{0, 43, 60}) {
    const Blob packet = with_extensions(kind, {6, 0, 1, 4, 0, 0, 0, 0});
    const auto p = parse_ip_packet(packet);
    ASSERT_TRUE(p.has_value()) << int{kind};
    EXPECT_EQ(p->header.src.port, 40000);
    EXPECT_EQ(p->payload_length, 10U);
    EXPECT_TRUE(p->checksum_valid());
  }
}

TEST(Ipv6Extensions, ChainsAndLongHeaders) {
  Blob chain{60, 0, 1, 4, 0, 0, 0, 0};  // hop-by-hop, then destination options of 24 bytes
  Blob second(24, 0);
  second[0] = 6;
  second[1] = 2;
  chain.insert(chain.end(), second.begin(), second.end());
  const Blob packet = with_extensions(0, chain);
  const auto p = parse_ip_packet(packet);
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->payload.size(), 10U);
  EXPECT_TRUE(p->checksum_valid());
}

TEST(Ipv6Extensions, WhatIsNotTcpIsNamed) {
  EXPECT_EQ(error_of(with_extensions(44, {6, 0, 0, 1, 0, 0, 0, 1})), ParseError::fragment);
  EXPECT_EQ(error_of(with_extensions(17, {})), ParseError::not_tcp);
  EXPECT_EQ(error_of(with_extensions(59, {})), ParseError::not_tcp);  // no next header
  EXPECT_EQ(error_of(with_extensions(50, {})), ParseError::not_tcp);  // ESP: encrypted
  EXPECT_EQ(error_of(with_extensions(0, {58, 0, 0, 0, 0, 0, 0, 0})), ParseError::not_tcp);
}

TEST(Ipv6Extensions, AChainThatLeavesThePacketIsRefused) {
  EXPECT_EQ(error_of(with_extensions(0, {6, 255, 0, 0, 0, 0, 0, 0})), ParseError::bad_header);
  // Each names the next one, to the end of the packet.
  Blob endless;
  for (int i = 0; i < 200; ++i) endless.insert(endless.end(), {60, 0, 0, 0, 0, 0, 0, 0});
  const Blob packet = with_extensions(60, endless);
  EXPECT_FALSE(parse_ip_packet(packet).has_value());
  for (size_t n = 40; n < 100; ++n) {
    EXPECT_FALSE(parse_ip_packet(Bytes(packet).first(n)).has_value()) << n;
  }
}

TEST(Ipv4Header, OptionsAreSkipped) {
  Blob packet = v4();
  packet[0] = 0x46;
  packet.insert(packet.begin() + 20, {1, 1, 1, 0});
  store16(&packet[2], static_cast<uint32_t>(packet.size()));
  const auto p = parse_ip_packet(packet);
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->payload_length, 10U);
  EXPECT_TRUE(p->checksum_valid());
}

TEST(Ipv4Header, EveryKindOfFragmentIsNamed) {
  for (const uint16_t bits : std::initializer_list<uint16_t>{0x2000, 0x0001, 0x1fff, 0x2001}) {
    Blob packet = v4();
    store16(&packet[6], bits);
    EXPECT_EQ(error_of(packet), ParseError::fragment) << bits;
  }
  Blob whole = v4();
  store16(&whole[6], 0xc000);  // reserved bit and DF: no fragment
  EXPECT_TRUE(parse_ip_packet(whole).has_value());
}

TEST(Ipv4Header, ContradictionsAreNamed) {
  Blob packet = v4();
  packet[0] = 0x44;  // header of 16 bytes
  EXPECT_EQ(error_of(packet), ParseError::bad_header);
  packet = v4();
  packet[0] = 0x4f;  // 60 bytes of header: TCP begins inside the data
  EXPECT_FALSE(parse_ip_packet(packet).has_value());
  packet = v4();
  store16(&packet[2], 19);  // shorter than its own header
  EXPECT_EQ(error_of(packet), ParseError::bad_header);
  packet = v4();
  store16(&packet[2], 39);  // ends inside the TCP header
  EXPECT_EQ(error_of(packet), ParseError::bad_header);
  packet = v4();
  packet[9] = 17;
  EXPECT_EQ(error_of(packet), ParseError::not_tcp);
  for (const uint8_t version : std::initializer_list<uint8_t>{0x05, 0x15, 0x55, 0x75, 0xf5}) {
    packet = v4();
    packet[0] = version;
    EXPECT_EQ(error_of(packet), ParseError::not_ip);
  }
  EXPECT_EQ(error_of({}), ParseError::truncated);
}

TEST(TcpOffset, BelowTheHeaderOrBeyondThePacketIsRefused) {
  for (const uint8_t words : std::initializer_list<uint8_t>{0, 1, 4, 15}) {
    Blob packet = v4(2);
    packet[20 + 12] = static_cast<uint8_t>(words << 4U);
    EXPECT_EQ(error_of(packet), ParseError::bad_header) << int{words};
  }
}

TEST(Captured, EthernetPaddingIsNotPayload) {
  Blob packet = v4(0);
  packet.resize(packet.size() + 6, 0xee);
  const auto p = parse_ip_packet(packet);
  ASSERT_TRUE(p.has_value());
  EXPECT_TRUE(p->payload.empty());
  EXPECT_EQ(p->payload_length, 0U);
  EXPECT_TRUE(p->checksum_valid());
}

TEST(Captured, ACutKeepsTheRealLength) {
  for (const Blob& packet : {v4(100), v6(100)}) {
    const size_t headers = packet.size() - 100;
    for (size_t n = 0; n < packet.size(); ++n) {
      const Blob exact(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(n));
      const auto p = parse_ip_packet(exact);
      ASSERT_EQ(p.has_value(), n >= headers) << n;
      if (!p) {
        EXPECT_EQ(p.error(), ParseError::truncated) << n;
        continue;
      }
      EXPECT_TRUE(p->truncated());
      EXPECT_EQ(p->payload.size(), n - headers);
      EXPECT_EQ(p->payload_length, 100U);
    }
  }
}

TEST(SuperPacket, LengthZeroMeansAllBytesGiven) {
  for (const bool six : {false, true}) {
    Blob packet = six ? v6(100'000) : v4(100'000);
    store16(&packet[six ? 4 : 2], 0);
    const auto p = parse_ip_packet(packet);
    ASSERT_TRUE(p.has_value());
    EXPECT_EQ(p->payload_length, 100'000U);
    EXPECT_EQ(p->payload.size(), 100'000U);
    EXPECT_FALSE(p->truncated());
  }
}

TEST(SuperPacket, TheLargestLengthAHeaderCanSay) {
  const size_t headers = v4(0).size();
  const auto bytes4 = v4(65'535 - headers);  // the packet looks at them
  const auto p4 = parse_ip_packet(bytes4);
  ASSERT_TRUE(p4.has_value());
  EXPECT_EQ(p4->payload_length, 65'535U - headers);
  EXPECT_TRUE(p4->checksum_valid());
  const auto bytes6 = v6(65'535 - (v6(0).size() - 40));
  const auto p6 = parse_ip_packet(bytes6);
  ASSERT_TRUE(p6.has_value());
  EXPECT_EQ(p6->payload_length, 65'535U - (v6(0).size() - 40));
  EXPECT_TRUE(p6->checksum_valid());
}

TEST(SequenceLength, SynAndFinCountOneEach) {
  TcpPacket p;
  p.payload_length = 7;
  EXPECT_EQ(p.sequence_length(), 7U);
  p.header.flags = tcp_flag::kSyn;
  EXPECT_EQ(p.sequence_length(), 8U);
  p.header.flags = tcp_flag::kSyn | tcp_flag::kFin;
  EXPECT_EQ(p.sequence_length(), 9U);
}

TEST(Checksum, OfNothingAndOfOneByte) {
  EXPECT_EQ(checksum_finish(0), 0xffff);
  const uint8_t one[] = {0x12};
  EXPECT_EQ(checksum_finish(checksum_add(0, one)), static_cast<uint16_t>(~0x1200));
}

TEST(Checksum, AnyAlignmentGivesTheSame) {
  Blob bytes(64 + 8);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 37);
  for (size_t shift = 1; shift < 8; ++shift) {
    Blob moved(64 + 8);
    std::copy_n(bytes.begin(), 64, moved.begin() + static_cast<std::ptrdiff_t>(shift));
    EXPECT_EQ(checksum_add(0, Bytes(bytes).first(64)),
              checksum_add(0, Bytes(moved).subspan(shift, 64)));
  }
}

}  // namespace
}  // namespace mirrorlab::wire
