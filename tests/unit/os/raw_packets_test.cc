// Raw sender and packet capture against the kernel, over lo of a namespace of their own.
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "os/local_address.h"
#include "os/packet_capture.h"
#include "os/raw_sender.h"

namespace mirrorlab::os {
namespace {

constexpr uint16_t kPort = 80;

// Needs root, or a user namespace that may have network namespaces.
class RawPacketsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) < 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
      GTEST_SKIP() << "no network namespace: " << std::strerror(errno);
    }
    loopback(true);
    auto sender = RawSender::open(1500);
    ASSERT_TRUE(sender) << sender.error();
    sender_ = std::make_unique<RawSender>(std::move(*sender));
    auto capture = PacketCapture::open({"", {kPort}, 1U << 20U});
    ASSERT_TRUE(capture) << capture.error();
    capture_ = std::make_unique<PacketCapture>(std::move(*capture));
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
  // The packets that were captured, without waiting: lo delivers within the send.
  std::vector<std::vector<uint8_t>> captured() {
    std::vector<std::vector<uint8_t>> all;
    while (capture_->read(
        [&](const wire::TcpPacket& p) { all.emplace_back(p.payload.begin(), p.payload.end()); })) {
    }
    return all;
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
  std::unique_ptr<PacketCapture> capture_;
};

TEST_F(RawPacketsTest, WhatIsSentIsCapturedOnceInOrder) {
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

TEST_F(RawPacketsTest, BothFamiliesInOneBatch) {
  if (!sender_->has_v6() || !is_local_address(*wire::IpAddress::parse("::1"))) GTEST_SKIP();
  for (int i = 0; i < 10; ++i) sender_->send(header(kPort, i % 2 == 1), {});
  sender_->flush(0);
  EXPECT_EQ(sender_->counters().packets, 10U);
  EXPECT_EQ(captured().size(), 10U);
}

TEST_F(RawPacketsTest, AMissingRouteCostsPacketsThatAreCountedAndTheRestIsSent) {
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

TEST_F(RawPacketsTest, ADeviceThatGoesDownAndUpIsUsedAgain) {
  loopback(false);
  sender_->send(header(), {});
  sender_->flush(0);
  EXPECT_TRUE(captured().empty());
  loopback(true);
  sender_->send(header(), {});
  sender_->flush(0);
  EXPECT_EQ(captured().size(), 1U);
}

TEST_F(RawPacketsTest, APacketTooLargeIsCountedAndTheRestIsSent) {
  sender_->send(header(), std::vector<uint8_t>(9000));
  sender_->send(header(), {});
  sender_->flush(0);
  EXPECT_EQ(sender_->counters().errors[EMSGSIZE], 1U);
  EXPECT_EQ(captured().size(), 1U);
}

TEST_F(RawPacketsTest, BadChecksumsAndFragmentsAreCountedNotTaken) {
  auto bad = packet({1, 2, 3, 4});
  bad.back() ^= 1U;
  send_bytes(bad);
  auto fragment = packet({1, 2, 3, 4});
  fragment[6] = 0x20;
  send_bytes(fragment);
  auto good = packet({1, 2, 3, 4});
  send_bytes(good);
  EXPECT_EQ(captured().size(), 1U);
  EXPECT_EQ(capture_->counters().bad_checksum, 1U);
  EXPECT_EQ(capture_->counters().fragments, 1U);
}

TEST_F(RawPacketsTest, AFullBufferIsCounted) {
  const std::vector<uint8_t> payload(1400);
  for (int i = 0; i < 20'000; ++i) sender_->send(header(), payload);
  sender_->flush(0);
  const size_t got = captured().size();
  EXPECT_GT(capture_->counters().kernel_drops, 0U);
  EXPECT_EQ(got + capture_->counters().kernel_drops, sender_->counters().packets);
}

TEST_F(RawPacketsTest, KnowsItsOwnAddresses) {
  EXPECT_TRUE(is_local_address(*wire::IpAddress::parse("127.0.0.5")));
  EXPECT_FALSE(is_local_address(*wire::IpAddress::parse("192.0.2.1")));
}

}  // namespace
}  // namespace mirrorlab::os
