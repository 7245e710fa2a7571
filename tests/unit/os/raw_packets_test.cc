// Raw sender and packet capture against the kernel, over lo of a namespace of their own.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "os/local_address.h"
#include "os/open_capture.h"
#include "os/raw_sender.h"

namespace mirrorlab::os {
namespace {

constexpr uint16_t kPort = 80;

// Needs root, or a user namespace that may have network namespaces.
class RawPacketsTest : public testing::TestWithParam<CaptureWay> {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
      GTEST_SKIP() << "no network namespace: " << std::strerror(errno);
    }
    loopback(true);
    auto sender = RawSender::open(1500);
    ASSERT_TRUE(sender) << sender.error();
    sender_ = std::make_unique<RawSender>(std::move(*sender));
    CaptureOptions options;
    options.way = GetParam();
    options.device = GetParam() == CaptureWay::pcap ? "lo" : "";  // `any` has lo's packets twice
    options.ports = {kPort};
    options.buffer_bytes = 1U << 20U;
    auto capture = open_capture(options);
    // eBPF: not in a user namespace, not with an older kernel, not in every build.
    if (!capture && GetParam() == CaptureWay::ebpf) GTEST_SKIP() << capture.error();
    ASSERT_TRUE(capture) << capture.error();
    capture_ = std::move(*capture);
  }
  static void loopback(bool up) {
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    ASSERT_EQ(::ioctl(fd.get(), SIOCGIFFLAGS, &request), 0);
    request.ifr_flags =
        static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    ASSERT_EQ(::ioctl(fd.get(), SIOCSIFFLAGS, &request), 0);
  }
  static wire::TcpHeader header(uint16_t port = kPort, bool v6 = false) {
    wire::TcpHeader h;
    h.src = {*wire::IpAddress::parse(v6 ? "::1" : "127.9.9.9"), 40000};
    h.dst = {*wire::IpAddress::parse(v6 ? "::1" : "127.0.0.1"), port};
    h.seq = wire::Seq(7);
    h.flags = wire::tcp_flag::kAck;
    return h;
  }
  // The packets that were captured. lo delivers within the send, a ring hands over a little later.
  std::vector<std::vector<uint8_t>> captured() {
    std::vector<std::vector<uint8_t>> all;
    const bool at_once =
        GetParam() == CaptureWay::packet_lowlatency || GetParam() == CaptureWay::raw_ip;
    while (true) {
      while (capture_->read([&](std::span<const wire::TcpPacket> packets) {
        for (const wire::TcpPacket& p : packets) {
          all.emplace_back(p.payload.begin(), p.payload.end());
        }
      })) {
      }
      pollfd waiting{capture_->fd(), POLLIN, 0};
      if (::poll(&waiting, 1, at_once ? 0 : 100) <= 0) return all;
    }
  }
  // Sends bytes as they are.
  static void send_bytes(std::vector<uint8_t>& packet) {
    const Fd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, &packet[16], 4);
    ASSERT_EQ(::sendto(fd.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to),
                       sizeof to),
              static_cast<ssize_t>(packet.size()));
  }
  static std::vector<uint8_t> packet(const std::vector<uint8_t>& payload) {
    std::vector<uint8_t> bytes(wire::kMaxHeaderBytes + payload.size());
    bytes.resize(wire::write_packet(header(), payload, bytes.data()));
    return bytes;
  }
  std::unique_ptr<RawSender> sender_;
  std::unique_ptr<PacketSource> capture_;
};

TEST_P(RawPacketsTest, WhatIsSentIsCapturedOnceInOrder) {
  const size_t n = 3 * 128 + 5;
  for (size_t i = 0; i < n; ++i) {
    const uint8_t payload[] = {static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8U)};
    sender_->send(header(), payload);
  }
  sender_->send(header(kPort + 1), {});
  sender_->flush(0);
  EXPECT_EQ(sender_->counters().packets, n + 1);
  const auto got = captured();
  ASSERT_EQ(got.size(), n);
  for (size_t i = 0; i < n; ++i) EXPECT_EQ(got[i][0] | got[i][1] << 8U, static_cast<int>(i));
}

TEST_P(RawPacketsTest, BothFamiliesInOneBatch) {
  if (!sender_->has_v6() || !is_local_address(*wire::IpAddress::parse("::1"))) GTEST_SKIP();
  for (int i = 0; i < 10; ++i) sender_->send(header(kPort, i % 2 == 1), {});
  sender_->flush(0);
  EXPECT_EQ(sender_->counters().packets, 10U);
  EXPECT_EQ(captured().size(), 10U);
}

TEST_P(RawPacketsTest, AMissingRouteCostsPacketsThatAreCountedAndTheRestIsSent) {
  wire::TcpHeader nowhere = header();
  nowhere.dst = *wire::Endpoint::parse("192.0.2.1:80");
  for (int i = 0; i < 3; ++i) {
    sender_->send(nowhere, {});
    sender_->send(header(), {});
  }
  sender_->flush(0);
  EXPECT_EQ(sender_->counters().errors[ENETUNREACH], 3U);
  EXPECT_EQ(captured().size(), 3U);
}

TEST_P(RawPacketsTest, ADeviceThatGoesDownAndUpIsUsedAgain) {
  loopback(false);
  sender_->send(header(), {});
  sender_->flush(0);
  EXPECT_TRUE(captured().empty());
  loopback(true);
  sender_->send(header(), {});
  sender_->flush(0);
  EXPECT_EQ(captured().size(), 1U);
}

TEST_P(RawPacketsTest, APacketTooLargeIsCountedAndTheRestIsSent) {
  sender_->send(header(), std::vector<uint8_t>(9000));
  sender_->send(header(), {});
  sender_->flush(0);
  EXPECT_EQ(sender_->counters().errors[EMSGSIZE], 1U);
  EXPECT_EQ(captured().size(), 1U);
}

TEST_P(RawPacketsTest, BadChecksumsAreCountedAndFragmentsMadeWhole) {
  auto bad = packet({1, 2, 3, 4});
  bad.back() ^= 1U;
  send_bytes(bad);
  const auto whole = packet(std::vector<uint8_t>(100, 'x'));
  std::vector<uint8_t> first(whole.begin(), whole.begin() + 20 + 64);
  wire::store16(&first[4], 77);
  wire::store16(&first[6], 0x2000);
  std::vector<uint8_t> last = whole;
  last.erase(last.begin() + 20, last.begin() + 84);
  wire::store16(&last[4], 77);
  wire::store16(&last[6], 8);
  send_bytes(last);
  send_bytes(first);
  auto good = packet({1, 2, 3, 4});
  send_bytes(good);
  const auto got = captured();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].size(), 100U);
  EXPECT_EQ(got[1].size(), 4U);
  EXPECT_EQ(capture_->counters().bad_checksum, 1U);
  EXPECT_EQ(capture_->counters().fragments, 0U);
  const bool kernel_reassembles = GetParam() == CaptureWay::raw_ip;
  EXPECT_EQ(capture_->counters().reassembled, kernel_reassembles ? 0U : 2U);
}

TEST_P(RawPacketsTest, IpOptionsAreSteppedOver) {
  auto plain = packet({'a', 'b', 'c'});
  // Record route, four bytes and an end of options.
  const std::array<uint8_t, 8> options = {7, 7, 4, 0, 0, 0, 0, 0};
  plain.insert(plain.begin() + 20, options.begin(), options.end());
  plain[0] = 0x47;
  wire::store16(&plain[2], static_cast<uint16_t>(plain.size()));
  send_bytes(plain);
  const auto got = captured();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0], (std::vector<uint8_t>{'a', 'b', 'c'}));
}

TEST_P(RawPacketsTest, Ipv6ExtensionHeadersAreSteppedOver) {
  if (!is_local_address(*wire::IpAddress::parse("::1"))) GTEST_SKIP() << "no IPv6";
  const std::vector<uint8_t> payload = {'a', 'b', 'c'};
  std::vector<uint8_t> bytes(wire::kMaxHeaderBytes + payload.size());
  bytes.resize(wire::write_packet(header(kPort, true), payload, bytes.data()));
  // Destination options: padding of six bytes.
  const std::array<uint8_t, 8> extension = {bytes[6], 0, 1, 4, 0, 0, 0, 0};
  bytes.insert(bytes.begin() + 40, extension.begin(), extension.end());
  bytes[6] = 60;
  wire::store16(&bytes[4], static_cast<uint16_t>(bytes.size() - 40));
  const Fd fd(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_addr = in6addr_loopback;
  ASSERT_EQ(::sendto(fd.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&to),
                     sizeof to),
            static_cast<ssize_t>(bytes.size()));
  const auto got = captured();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0], payload);
}

// lo has no VLAN devices: nobody here takes the packet, and where all devices are captured it would
// come again from the one it is for.
TEST_P(RawPacketsTest, ATaggedPacketIsTakenOnTheDeviceThatWasNamedOnly) {
  const auto ip = packet({1, 2, 3});
  std::vector<uint8_t> frame(12);
  frame.insert(frame.end(), {0x81, 0x00, 0x00, 0x05, 0x08, 0x00});
  frame.insert(frame.end(), ip.begin(), ip.end());
  const Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_8021Q);
  to.sll_ifindex = static_cast<int>(::if_nametoindex("lo"));
  ASSERT_EQ(::sendto(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to),
                     sizeof to),
            static_cast<ssize_t>(frame.size()));
  const auto got = captured();
  const auto& counters = capture_->counters();
  switch (GetParam()) {
    case CaptureWay::pcap:  // of lo
      EXPECT_EQ(got.size(), 1U);
      break;
    case CaptureWay::raw_ip:  // the host's IP layer has no use for it
      EXPECT_EQ(got.size(), 0U);
      break;
    default:
      EXPECT_EQ(got.size(), 0U);
      EXPECT_EQ(counters.vlan_outer, 1U);
  }
}

TEST_P(RawPacketsTest, AFullBufferIsCounted) {
  const std::vector<uint8_t> payload(1400);
  for (int i = 0; i < 20'000; ++i) sender_->send(header(), payload);
  sender_->flush(0);
  const size_t got = captured().size();
  EXPECT_GT(capture_->counters().kernel_drops, 0U);
  const uint64_t missing = sender_->counters().packets - got;
  if (GetParam() == CaptureWay::raw_ip) {
    // lo's resets of this traffic need room as well, and are counted with it.
    EXPECT_GE(capture_->counters().kernel_drops, missing);
  } else {
    EXPECT_EQ(capture_->counters().kernel_drops, missing);
  }
}

TEST_P(RawPacketsTest, KnowsItsOwnAddresses) {
  EXPECT_TRUE(is_local_address(*wire::IpAddress::parse("127.0.0.5")));
  EXPECT_FALSE(is_local_address(*wire::IpAddress::parse("192.0.2.1")));
}

std::string name_of(const testing::TestParamInfo<CaptureWay>& info) {
  static const std::array<const char*, 6> names = {"packet", "lowlatency", "raw_ip",
                                                   "pcap",   "pcap_file",  "ebpf"};
  return names[static_cast<size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Captures, RawPacketsTest,
                         testing::Values(CaptureWay::packet, CaptureWay::packet_lowlatency,
                                         CaptureWay::raw_ip, CaptureWay::pcap, CaptureWay::ebpf),
                         name_of);

}  // namespace
}  // namespace mirrorlab::os
