// What a capture makes of every kind of packet: handed on, or counted by its kind.
#include "os/packet_intake.h"

#include <gtest/gtest.h>

#include "wire/checksum.h"

namespace mirrorlab::os {
namespace {

using Packet = std::vector<uint8_t>;

Packet packet(size_t payload_bytes, bool v6 = false) {
  wire::TcpHeader h;
  h.src = {*wire::IpAddress::parse(v6 ? "fd00::9" : "10.0.0.9"), 40000};
  h.dst = {*wire::IpAddress::parse(v6 ? "fd00::1" : "10.0.0.1"), 80};
  h.flags = wire::tcp_flag::kAck;
  Packet payload(payload_bytes, 'x');
  Packet bytes(wire::kMaxHeaderBytes + payload_bytes);
  bytes.resize(wire::write_packet(h, payload, bytes.data()));
  return bytes;
}

class PacketIntakeTest : public testing::Test {
 protected:
  void take(const Packet& bytes, ChecksumState checksum, size_t whole = 0) {
    intake_.take(bytes, whole == 0 ? bytes.size() : whole, checksum, keep_);
    if (at_once_) intake_.hand_over(keep_);
  }
  CaptureCounters& counted() { return intake_.counters(); }
  PacketIntake intake_;
  std::vector<size_t> payload_bytes_;
  std::vector<size_t> spans_;  // packets handed on together
  bool truncated_ = false;
  bool at_once_ = true;
  const PacketSource::Take keep_ = [this](std::span<const wire::TcpPacket> packets) {
    spans_.push_back(packets.size());
    for (const wire::TcpPacket& p : packets) {
      payload_bytes_.push_back(p.payload.size());
      truncated_ = p.truncated();
    }
  };
};

TEST_F(PacketIntakeTest, HandsPacketsOnBySeveralAndInOrder) {
  at_once_ = false;
  std::vector<Packet> packets;  // whose memory is to last until they are handed over
  for (size_t i = 0; i < PacketSource::kMostAtOnce + 3; ++i) packets.push_back(packet(i));
  for (const Packet& p : packets) take(p, ChecksumState::verify);
  EXPECT_EQ(spans_, std::vector<size_t>{PacketSource::kMostAtOnce});
  intake_.hand_over(keep_);
  intake_.hand_over(keep_);
  EXPECT_EQ(spans_, (std::vector<size_t>{PacketSource::kMostAtOnce, 3}));
  ASSERT_EQ(payload_bytes_.size(), packets.size());
  for (size_t i = 0; i < payload_bytes_.size(); ++i) EXPECT_EQ(payload_bytes_[i], i);
}

TEST_F(PacketIntakeTest, AChecksumNobodyVouchedForMustBeRight) {
  Packet bad = packet(100);
  bad.back() ^= 1U;
  take(bad, ChecksumState::verify);
  take(bad, ChecksumState::unknown);
  EXPECT_EQ(counted().bad_checksum, 2U);
  EXPECT_TRUE(payload_bytes_.empty());
  take(bad, ChecksumState::vouched);
  take(packet(100), ChecksumState::verify);
  take(packet(100), ChecksumState::unknown);
  EXPECT_EQ(counted().packets, 3U);
}

TEST_F(PacketIntakeTest, KnowsAChecksumThatAnOffloadLeftOpen) {
  for (const bool v6 : {false, true}) {
    Packet open = packet(100, v6);
    const auto parsed = *wire::parse_ip_packet(open);
    const size_t at = open.size() - parsed.tcp.size() + 16;
    wire::store16(&open[at], wire::tcp_pseudo_sum(parsed.header.src.address,
                                                  parsed.header.dst.address, parsed.tcp.size()));
    take(open, ChecksumState::unknown);
    take(open, ChecksumState::verify);
  }
  EXPECT_EQ(counted().packets, 2U);
  EXPECT_EQ(counted().bad_checksum, 2U);
}

TEST_F(PacketIntakeTest, APacketTheCaptureCutIsCountedAndItsMissingDataKnown) {
  const Packet bytes = packet(1000);
  take(Packet(bytes.begin(), bytes.begin() + 140), ChecksumState::verify, bytes.size());
  ASSERT_EQ(payload_bytes_.size(), 1U);
  EXPECT_EQ(payload_bytes_[0], 100U);
  EXPECT_TRUE(truncated_);
  EXPECT_EQ(counted().truncated, 1U);
  EXPECT_EQ(counted().packets, 0U);
  take(Packet(bytes.begin(), bytes.begin() + 30), ChecksumState::verify, bytes.size());
  EXPECT_EQ(counted().truncated, 2U);
  EXPECT_EQ(payload_bytes_.size(), 1U);
}

TEST_F(PacketIntakeTest, APacketShorterThanItSaysIsMalformed) {
  Packet bytes = packet(1000);
  bytes.resize(500);
  take(bytes, ChecksumState::vouched);
  EXPECT_EQ(counted().malformed, 1U);
  EXPECT_TRUE(payload_bytes_.empty());
}

TEST_F(PacketIntakeTest, SuperPacketsAreTakenWhole) {
  take(packet(65000), ChecksumState::verify);
  Packet huge = packet(65000);
  huge.resize(huge.size() + 60000, 'x');
  wire::store16(&huge[2], 0);  // beyond 64 KiB the IP length is 0
  take(huge, ChecksumState::vouched);
  EXPECT_EQ(payload_bytes_, (std::vector<size_t>{65000, 125000}));
}

TEST_F(PacketIntakeTest, IpOptionsAndExtensionHeadersAreSteppedOver) {
  Packet options = packet(10);
  options.insert(options.begin() + 20, 8, 1);  // no-operation
  options[0] = 0x47;
  wire::store16(&options[2], static_cast<uint32_t>(options.size()));
  take(options, ChecksumState::verify);
  Packet extended = packet(10, true);
  const Packet headers = {
      60, 0, 1, 4, 0, 0, 0, 0, 6, 1, 1, 12,
      0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};  // hop-by-hop, then destination options
  extended.insert(extended.begin() + 40, headers.begin(), headers.end());
  extended[6] = 0;
  wire::store16(&extended[4], static_cast<uint32_t>(extended.size() - 40));
  take(extended, ChecksumState::verify);
  EXPECT_EQ(payload_bytes_, (std::vector<size_t>{10, 10}));
}

TEST_F(PacketIntakeTest, EthernetPaddingIsNoData) {
  Packet bytes = packet(1);
  bytes.resize(60);
  take(bytes, ChecksumState::verify);
  EXPECT_EQ(payload_bytes_, (std::vector<size_t>{1}));
}

TEST_F(PacketIntakeTest, FragmentsBecomeAPacketOrALoss) {
  const Packet bytes = packet(1000);
  Packet first(bytes.begin(), bytes.begin() + 20 + 800);
  wire::store16(&first[2], static_cast<uint32_t>(first.size()));
  wire::store16(&first[6], 0x2000);
  Packet last = bytes;
  last.erase(last.begin() + 20, last.begin() + 820);
  wire::store16(&last[2], static_cast<uint32_t>(last.size()));
  wire::store16(&last[6], 100);
  take(first, ChecksumState::verify);
  EXPECT_TRUE(payload_bytes_.empty());
  take(last, ChecksumState::verify);
  EXPECT_EQ(payload_bytes_, (std::vector<size_t>{1000}));
  EXPECT_EQ(counted().reassembled, 2U);
  EXPECT_EQ(counted().fragments, 0U);
  take(Packet(first.begin(), first.begin() + 100), ChecksumState::verify, first.size());
  EXPECT_EQ(counted().fragments, 1U) << "a fragment the capture cut";
  last.back() ^= 1U;
  take(first, ChecksumState::verify);
  take(last, ChecksumState::verify);
  EXPECT_EQ(counted().bad_checksum, 1U);
}

TEST_F(PacketIntakeTest, OtherProtocolsAndNonsenseAreNoData) {
  Packet udp = packet(10);
  udp[9] = 17;
  take(udp, ChecksumState::vouched);
  wire::store16(&udp[6], 0x2000);
  take(udp, ChecksumState::vouched);
  EXPECT_EQ(counted().unwanted, 2U);
  take({0x81, 0x00, 0x45}, ChecksumState::vouched);
  take({}, ChecksumState::vouched, 1);
  EXPECT_EQ(counted().malformed + counted().truncated, 2U);
  EXPECT_TRUE(payload_bytes_.empty());
}

TEST_F(PacketIntakeTest, TakesSegmentsWithoutTheirIpHeader) {
  const Packet bytes = packet(10, true);
  const auto parsed = *wire::parse_ip_packet(bytes);
  size_t taken = 0;
  const auto take_it = [&](std::span<const wire::TcpPacket> packets) {
    EXPECT_EQ(packets.front().header.src, parsed.header.src);
    EXPECT_EQ(packets.front().header.dst, parsed.header.dst);
    taken += packets.front().payload.size();
  };
  intake_.take_segment(parsed.header.src.address, parsed.header.dst.address, parsed.tcp, take_it);
  intake_.hand_over(take_it);
  EXPECT_EQ(taken, 10U);
  intake_.take_segment(parsed.header.src.address, parsed.header.dst.address, parsed.tcp.first(19),
                       take_it);
  EXPECT_EQ(counted().malformed, 1U);
}

}  // namespace
}  // namespace mirrorlab::os
