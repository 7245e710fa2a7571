// The capture filter, run by the kernel itself: packets go through a socket pair that carries it.
#include "os/port_filter.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "os/fd.h"
#include "wire/packet.h"

namespace mirrorlab::os {
namespace {

using Packet = std::vector<uint8_t>;

Packet packet(const char* src, const char* dst, uint16_t port) {
  wire::TcpHeader h;
  h.src = {*wire::IpAddress::parse(src), 40000};
  h.dst = {*wire::IpAddress::parse(dst), port};
  h.flags = wire::tcp_flag::kSyn;
  Packet bytes(wire::kMaxHeaderBytes);
  bytes.resize(wire::write_packet(h, {}, bytes.data()));
  return bytes;
}
Packet v4(uint16_t port) { return packet("10.0.0.9", "10.0.0.1", port); }
Packet v6(uint16_t port) { return packet("fd00::9", "fd00::1", port); }

class PortFilterTest : public testing::Test {
 protected:
  PortFilterTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    out_.reset(ends[0]);
    in_.reset(ends[1]);
    use({80, 8080});
  }
  void use(const std::vector<uint16_t>& ports) {
    auto code = port_filter(ports);
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    ASSERT_EQ(::setsockopt(in_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
  }
  // How much of a packet comes through.
  ssize_t passed_bytes(const Packet& bytes) {
    if (::send(out_.get(), bytes.data(), bytes.size(), 0) < 0) return 0;
    std::array<uint8_t, 2048> buffer;
    return ::recv(in_.get(), buffer.data(), buffer.size(), 0);
  }
  bool passes(const Packet& bytes) {
    // A datagram that the filter of the receiver refuses is dropped silently.
    const auto sent = ::send(out_.get(), bytes.data(), bytes.size(), 0);
    if (sent < 0) return false;
    std::array<uint8_t, 2048> buffer;
    return ::recv(in_.get(), buffer.data(), buffer.size(), 0) > 0;
  }
  Fd out_, in_;
};

TEST_F(PortFilterTest, PassesMappedPortsOfBothFamilies) {
  EXPECT_TRUE(passes(v4(80)));
  EXPECT_TRUE(passes(v4(8080)));
  EXPECT_FALSE(passes(v4(81)));
  EXPECT_TRUE(passes(v6(80)));
  EXPECT_TRUE(passes(v6(8080)));
  EXPECT_FALSE(passes(v6(22)));
}

TEST_F(PortFilterTest, FindsThePortBehindIpOptions) {
  Packet p = v4(80);
  p.insert(p.begin() + 20, 12, 1);
  p[0] = 0x48;
  EXPECT_TRUE(passes(p));
  p = v4(81);
  p.insert(p.begin() + 20, {0, 0, 0, 80});  // what a filter that ignores options would read
  p[0] = 0x46;
  EXPECT_FALSE(passes(p));
}

TEST_F(PortFilterTest, PassesWhatIsCountedLater) {
  Packet later_fragment = v4(22);
  later_fragment[6] = 0x00;
  later_fragment[7] = 0xb9;
  EXPECT_TRUE(passes(later_fragment));
  Packet first_fragment = v4(80);
  first_fragment[6] = 0x20;
  EXPECT_TRUE(passes(first_fragment));
  for (const uint8_t extension : std::to_array<uint8_t>({0, 43, 44, 60})) {
    Packet p = v6(22);
    p[6] = extension;
    EXPECT_TRUE(passes(p)) << int{extension};
  }
}

TEST_F(PortFilterTest, CutsForRawSocketsWhatItRefuses) {
  ASSERT_TRUE(attach_filter(in_.get(), cutting_port_filter({80, 8080})));
  EXPECT_EQ(passed_bytes(v4(80)), static_cast<ssize_t>(v4(80).size()));
  EXPECT_EQ(passed_bytes(v4(81)), static_cast<ssize_t>(kRefusedBytes));
  ASSERT_TRUE(attach_filter(in_.get(), cutting_segment_filter({80, 8080})));
  const auto segment = [](uint16_t port) {
    const Packet whole = v4(port);
    return Packet(whole.begin() + 20, whole.end());
  };
  EXPECT_EQ(passed_bytes(segment(80)), 20);
  EXPECT_EQ(passed_bytes(segment(8080)), 20);
  EXPECT_EQ(passed_bytes(segment(81)), static_cast<ssize_t>(kRefusedBytes));
}

TEST_F(PortFilterTest, PlainPacketsAndStraysAreTwoHalves) {
  Packet first_fragment = v4(80);
  first_fragment[6] = 0x20;
  Packet later_fragment = v4(80);
  later_fragment[7] = 0xb9;
  Packet extended = v6(80);
  extended[6] = 44;
  ASSERT_TRUE(attach_filter(in_.get(), plain_port_filter({80, 8080})));
  for (const auto& p : {v4(80), v6(8080)}) EXPECT_TRUE(passes(p));
  for (const auto& p : {v4(81), first_fragment, later_fragment, extended}) EXPECT_FALSE(passes(p));
  ASSERT_TRUE(attach_filter(in_.get(), stray_filter()));
  for (const auto& p : {v4(80), v6(8080), v4(81)}) EXPECT_FALSE(passes(p));
  for (const auto& p : {first_fragment, later_fragment, extended}) EXPECT_TRUE(passes(p));
  ASSERT_TRUE(attach_filter(in_.get(), closed_filter()));
  for (const auto& p : {v4(80), first_fragment, extended}) EXPECT_FALSE(passes(p));
}

TEST_F(PortFilterTest, RefusesOtherProtocolsAndOtherThings) {
  Packet udp = v4(80);
  udp[9] = 17;
  EXPECT_FALSE(passes(udp));
  Packet icmp6 = v6(80);
  icmp6[6] = 58;
  EXPECT_FALSE(passes(icmp6));
  EXPECT_FALSE(passes({0x00, 0x01, 0x08, 0x00}));
  EXPECT_FALSE(passes({0x45}));
}

TEST_F(PortFilterTest, HoldsAsManyPortsAsItSays) {
  std::vector<uint16_t> ports;
  for (uint16_t i = 0; i < kMaxFilterPorts; ++i) ports.push_back(static_cast<uint16_t>(1000 + i));
  use(ports);
  EXPECT_TRUE(passes(v4(ports.front())));
  EXPECT_TRUE(passes(v6(ports.back())));
  EXPECT_FALSE(passes(v4(999)));
  EXPECT_FALSE(passes(v6(1200)));
}

}  // namespace
}  // namespace mirrorlab::os
