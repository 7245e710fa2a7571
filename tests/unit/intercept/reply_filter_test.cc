// The classic program, run by the kernel: datagrams of a socket pair stand for packets.
#include "intercept/driver/reply_filter.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "os/fd.h"
#include "wire/packet.h"

namespace mirrorlab::intercept {
namespace {

class Filter {
 public:
  Filter(const std::vector<uint16_t>& ports, const std::vector<std::string>& passed)
      : program_(reply_filter(FilterUse::socket, ports, passed)) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    in_.reset(ends[0]);
    out_.reset(ends[1]);
    const sock_fprog filter{static_cast<unsigned short>(program_.size()), program_.data()};
    EXPECT_EQ(::setsockopt(out_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
  }
  // How many bytes of it are kept; 0: not taken.
  size_t kept(const std::vector<uint8_t>& packet) {
    // A unix socket refuses the sender what its filter drops.
    static_cast<void>(::send(in_.get(), packet.data(), packet.size(), 0));
    std::array<uint8_t, 4096> buffer;
    const auto n = ::recv(out_.get(), buffer.data(), buffer.size(), 0);
    return n > 0 ? static_cast<size_t>(n) : 0;
  }

 private:
  std::vector<sock_filter> program_;
  os::Fd in_;
  os::Fd out_;
};

std::vector<uint8_t> reply(const char* from, const char* to, size_t payload = 0) {
  wire::TcpHeader header;
  header.src = *wire::Endpoint::parse(from);
  header.dst = *wire::Endpoint::parse(to);
  header.flags = wire::tcp_flag::kAck;
  const std::vector<uint8_t> data(payload);
  std::vector<uint8_t> bytes(wire::kMaxHeaderBytes + payload);
  bytes.resize(wire::write_packet(header, data, bytes.data()));
  return bytes;
}

TEST(ReplyFilter, TakesTcpFromTheServicePortsOfBothIpVersions) {
  Filter filter({80, 8080}, {});
  EXPECT_EQ(filter.kept(reply("10.2.0.2:8080", "10.1.0.1:40000")), 40U);
  EXPECT_EQ(filter.kept(reply("10.2.0.2:80", "10.1.0.1:40000")), 40U);
  EXPECT_EQ(filter.kept(reply("[fd00:2::2]:8080", "[fd00:1::1]:40000")), 60U);
  EXPECT_EQ(filter.kept(reply("10.2.0.2:8081", "10.1.0.1:8080")), 0U);
  EXPECT_EQ(filter.kept(reply("[fd00:2::2]:443", "[fd00:1::1]:8080")), 0U);
}

TEST(ReplyFilter, KeepsTheHeadersOnly) {
  EXPECT_EQ(Filter({80}, {}).kept(reply("10.2.0.2:80", "10.1.0.1:40000", 1000)), kReplySnap);
}

TEST(ReplyFilter, LeavesOtherProtocolsAlone) {
  auto udp = reply("10.2.0.2:80", "10.1.0.1:40000");
  udp[9] = 17;
  EXPECT_EQ(Filter({80}, {}).kept(udp), 0U);
  auto udp6 = reply("[fd00:2::2]:80", "[fd00:1::1]:40000");
  udp6[6] = 17;
  EXPECT_EQ(Filter({80}, {}).kept(udp6), 0U);
}

TEST(ReplyFilter, LooksBehindIpOptions) {
  auto packet = reply("10.2.0.2:80", "10.1.0.1:40000");
  packet.insert(packet.begin() + 20, 8, 1);
  packet[0] = 0x47;
  EXPECT_EQ(Filter({80}, {}).kept(packet), 48U);
  EXPECT_EQ(Filter({257}, {}).kept(packet), 0U);
}

TEST(ReplyFilter, LooksBehindExtensionHeaders) {
  auto packet = reply("[fd00:2::2]:80", "[fd00:1::1]:40000");
  // Hop by hop (8 bytes), then destination options (16 bytes).
  const std::vector<uint8_t> extensions = {60, 0, 1, 4, 0, 0, 0, 0, 6, 1, 1, 12,
                                           0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  packet.insert(packet.begin() + 40, extensions.begin(), extensions.end());
  packet[6] = 0;
  EXPECT_EQ(Filter({80}, {}).kept(packet), 84U);
  EXPECT_EQ(Filter({81}, {}).kept(packet), 0U);
  packet[48] = 58;  // ICMPv6 behind them, as of multicast listener reports
  EXPECT_EQ(Filter({80}, {}).kept(packet), 0U);
}

TEST(ReplyFilter, TakesLaterFragments) {
  auto packet = reply("10.2.0.2:9", "10.1.0.1:40000");
  packet[7] = 5;
  EXPECT_EQ(Filter({80}, {}).kept(packet), 40U);
}

TEST(ReplyFilter, LeavesPassedNetworksAlone) {
  Filter filter({80}, {"10.9.0.0/17", "fd00:9::/33", "10.8.0.1"});
  EXPECT_EQ(filter.kept(reply("10.2.0.2:80", "10.9.127.1:40000")), 0U);
  EXPECT_EQ(filter.kept(reply("10.2.0.2:80", "10.9.128.1:40000")), 40U);
  EXPECT_EQ(filter.kept(reply("10.2.0.2:80", "10.8.0.1:40000")), 0U);
  EXPECT_EQ(filter.kept(reply("10.2.0.2:80", "10.8.0.2:40000")), 40U);
  EXPECT_EQ(filter.kept(reply("[fd00:2::2]:80", "[fd00:9:7fff::1]:40000")), 0U);
  EXPECT_EQ(filter.kept(reply("[fd00:2::2]:80", "[fd00:9:8000::1]:40000")), 60U);
  EXPECT_EQ(Filter({80}, {"0.0.0.0/0"}).kept(reply("10.2.0.2:80", "10.8.0.2:40000")), 0U);
}

TEST(ReplyFilter, FarJumpsReachTheEndOfALongProgram) {
  std::vector<std::string> passed;
  for (int i = 0; i < 100; ++i) passed.push_back("fd00:" + std::to_string(i + 10) + "::1");
  std::vector<uint16_t> ports;
  for (uint16_t port = 1000; port < 1200; ++port) ports.push_back(port);
  Filter filter(ports, passed);
  EXPECT_EQ(filter.kept(reply("[fd00:2::2]:1199", "[fd00:1::1]:40000")), 60U);
  EXPECT_EQ(filter.kept(reply("[fd00:2::2]:1200", "[fd00:1::1]:40000")), 0U);
  EXPECT_EQ(filter.kept(reply("[fd00:2::2]:1199", "[fd00:10::1]:40000")), 0U);
}

TEST(ReplyFilter, BytecodeIsWrittenAsTcTakesIt) {
  EXPECT_EQ(bytecode_text({{BPF_RET | BPF_K, 0, 0, UINT32_MAX}}), "1,6 0 0 4294967295");
}

}  // namespace
}  // namespace mirrorlab::intercept
