#include "os/packet_ring.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <functional>
#include <thread>

#include "os/error.h"

namespace mirrorlab::os {
namespace {

constexpr uint16_t kPort = 9;
using KindCounts = std::array<size_t, 8>;

// Runs `work` on a thread in a network namespace of its own whose loopback is up. Empty, or why it
// could not.
std::string in_namespace(const std::function<void()>& work) {
  std::string failed;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) < 0) {
      failed = error_text("cannot make a network namespace");
      return;
    }
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) < 0) {
      failed = error_text("cannot set lo up");
      return;
    }
    work();
  }).join();
  return failed;
}

void send_datagrams(size_t count, size_t bytes) {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kPort);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string data(bytes, 'x');
  for (size_t i = 0; i < count; ++i) {
    ::sendto(fd.get(), data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
}

PacketRing::Options on_loopback(uint32_t ring_bytes, bool ignore_outgoing) {
  PacketRing::Options options;
  options.device = "lo";
  options.ring_bytes = ring_bytes;
  options.ignore_outgoing = ignore_outgoing;
  return options;
}

// UDP datagrams to kPort that the ring holds, until `count` were seen or nothing came for a second.
size_t datagrams(PacketRing& ring, size_t count, size_t bytes, KindCounts* kinds = nullptr) {
  size_t seen = 0;
  while (seen < count) {
    const bool more = ring.read_block([&](const PacketRing::Packet& p) {
      if (p.bytes.size() != 28 + bytes || p.bytes[9] != IPPROTO_UDP) return;
      EXPECT_EQ(p.bytes[0], 0x45);
      EXPECT_EQ(p.bytes.back(), 'x');
      EXPECT_EQ(p.wire_bytes, p.bytes.size());
      EXPECT_GT(p.time_ns, 0);
      if (kinds != nullptr) ++(*kinds)[p.kind & 7U];
      ++seen;
    });
    pollfd waiting{ring.fd(), POLLIN, 0};
    if (!more && ::poll(&waiting, 1, 1000) <= 0) break;
  }
  return seen;
}

TEST(PacketRing, KnowsOfPacketsInABlockThatIsNotHandedOver) {
  const auto failed = in_namespace([] {
    auto options = on_loopback(16U << 20U, true);
    options.retire_ms = 500;
    auto ring = PacketRing::open(options);
    ASSERT_TRUE(ring) << ring.error();
    EXPECT_FALSE(ring->unread());
    send_datagrams(3, 100);
    EXPECT_TRUE(ring->unread());
    EXPECT_EQ(datagrams(*ring, 3, 100), 3U);
    // Others' packets, such as the host's own neighbour discovery, are read as well.
    while (ring->read_block([](const PacketRing::Packet&) {})) {
    }
    EXPECT_FALSE(ring->unread());
    send_datagrams(1, 100);
    EXPECT_TRUE(ring->unread());
  });
  ASSERT_EQ(failed, "");
}

TEST(PacketRing, HandsOverWholePacketsOfBothDirections) {
  const auto failed = in_namespace([] {
    auto ring = PacketRing::open(on_loopback(16U << 20U, false));
    ASSERT_TRUE(ring) << ring.error();
    send_datagrams(1000, 1000);
    KindCounts kinds{};
    EXPECT_EQ(datagrams(*ring, 2000, 1000, &kinds), 2000U);
    EXPECT_EQ(kinds[PACKET_HOST], 1000U);
    EXPECT_EQ(kinds[PACKET_OUTGOING], 1000U);
  });
  if (!failed.empty()) GTEST_SKIP() << failed;
}

TEST(PacketRing, LeavesOutgoingPacketsOutWhenAsked) {
  const auto failed = in_namespace([] {
    auto ring = PacketRing::open(on_loopback(4U << 20U, true));
    ASSERT_TRUE(ring) << ring.error();
    send_datagrams(100, 64);
    KindCounts kinds{};
    EXPECT_EQ(datagrams(*ring, 100, 64, &kinds), 100U);
    EXPECT_EQ(kinds[PACKET_HOST], 100U);
    EXPECT_EQ(ring->statistics().drops, 0U);
  });
  if (!failed.empty()) GTEST_SKIP() << failed;
}

TEST(PacketRing, CountsWhatFoundNoRoom) {
  const auto failed = in_namespace([] {
    auto ring = PacketRing::open(on_loopback(1U << 19U, true));
    ASSERT_TRUE(ring) << ring.error();
    send_datagrams(2000, 1000);  // 2 MB into half a megabyte that nobody reads
    const auto stats = ring->statistics();
    EXPECT_GT(stats.drops, 1000U);
    EXPECT_GE(stats.packets, 2000U);
    EXPECT_EQ(ring->statistics().drops, stats.drops) << "reading again must not forget them";
  });
  if (!failed.empty()) GTEST_SKIP() << failed;
}

TEST(PacketRing, NamesTheDeviceThatIsNotThere) {
  const auto failed = in_namespace([] {
    auto options = on_loopback(1U << 20U, true);
    options.device = "nosuch0";
    const auto ring = PacketRing::open(options);
    ASSERT_FALSE(ring);
    EXPECT_NE(ring.error().find("no device nosuch0"), std::string::npos) << ring.error();
  });
  if (!failed.empty()) GTEST_SKIP() << failed;
}

}  // namespace
}  // namespace mirrorlab::os
