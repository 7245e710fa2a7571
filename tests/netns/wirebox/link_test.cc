// The link stage between two real network stacks.
#include "harness/wirebox/link.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "netns/wirebox/two_hosts.h"
#include "os/clock.h"

namespace mirrorlab::wirebox {
namespace {
using os::kNanosPerMilli;

class LinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs network namespaces: run as root";
  }
};

// Why: datagrams that wait for the first ARP answer leave in no order.
void let_arp_happen(TwoHosts& hosts) {
  const os::Fd from = hosts.socket(0, SOCK_DGRAM, 4000);
  const os::Fd to = hosts.socket(1, SOCK_DGRAM, 4001);
  const sockaddr_in target = TwoHosts::address(1, 4001);
  char byte = 'x';
  ASSERT_EQ(
      ::sendto(from.get(), &byte, 1, 0, reinterpret_cast<const sockaddr*>(&target), sizeof target),
      1);
  ASSERT_EQ(::recv(to.get(), &byte, 1, 0), 1);
}

// Sends `count` numbered datagrams from host 0 and gives the numbers that came, in their order.
std::vector<uint32_t> numbers_through(TwoHosts& hosts, uint32_t count, size_t bytes = 100) {
  const os::Fd from = hosts.socket(0, SOCK_DGRAM, 5000);
  const os::Fd to = hosts.socket(1, SOCK_DGRAM, 5001);
  const sockaddr_in target = TwoHosts::address(1, 5001);
  std::vector<uint8_t> data(bytes);
  for (uint32_t i = 0; i < count; ++i) {
    wire::store32(data.data(), i);
    EXPECT_EQ(::sendto(from.get(), data.data(), data.size(), 0,
                       reinterpret_cast<const sockaddr*>(&target), sizeof target),
              static_cast<ssize_t>(bytes));
  }
  const timeval patience{0, 300'000};
  ::setsockopt(to.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::vector<uint32_t> came;
  while (::recv(to.get(), data.data(), data.size(), 0) > 0)
    came.push_back(wire::load32(data.data()));
  return came;
}

uint64_t dropped(const Figures& f, Cause cause) {
  return f.counters[0].dropped[static_cast<size_t>(cause)];
}

// Host 0 sends `bytes` over TCP; what came is compared byte for byte. The time it took.
os::Nanos transfer(TwoHosts& hosts, size_t bytes) {
  const os::Fd listener = hosts.socket(1, SOCK_STREAM, 5001);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  std::vector<uint8_t> sent(bytes);
  for (size_t i = 0; i < bytes; ++i) sent[i] = static_cast<uint8_t>(i * 7 + i / 251);
  const auto began = os::steady_now();
  std::thread client([&] {
    const os::Fd fd = hosts.socket(0, SOCK_STREAM, 0);
    const sockaddr_in target = TwoHosts::address(1, 5001);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target), 0);
    for (size_t at = 0; at < bytes;) {
      const ssize_t n = ::send(fd.get(), &sent[at], bytes - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<size_t>(n);
    }
  });
  const os::Fd fd(::accept(listener.get(), nullptr, nullptr));
  std::vector<uint8_t> came(bytes);
  size_t at = 0;
  for (ssize_t n = 0; at < bytes && (n = ::recv(fd.get(), &came[at], bytes - at, 0)) > 0;) {
    at += static_cast<size_t>(n);
  }
  client.join();
  EXPECT_EQ(at, bytes);
  EXPECT_TRUE(came == sent);
  return os::steady_now() - began;
}

TEST_F(LinkTest, PassesEverythingInOrder) {
  TwoHosts hosts({});
  let_arp_happen(hosts);
  const auto came = numbers_through(hosts, 5000);
  std::vector<uint32_t> all(5000);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(came, all);
  const Figures f = hosts.link().figures();
  EXPECT_EQ(f.kernel_drops() + f.send_errors() + f.truncated(), 0U);
  EXPECT_EQ(f.kernel[0].arrived, f.counters[0].in);
  EXPECT_EQ(f.kernel[0].sent, f.counters[0].out);
}
TEST_F(LinkTest, TheSameSeedLosesTheSamePackets) {
  std::vector<std::vector<uint32_t>> came;
  for (const uint64_t seed : {5U, 5U, 6U}) {
    TwoHosts hosts({}, false, seed);
    let_arp_happen(hosts);
    hosts.link().change({.loss = 0.1}, {});
    came.push_back(numbers_through(hosts, 2000));
    EXPECT_EQ(came.back().size(), 2000 - dropped(hosts.link().figures(), Cause::loss));
  }
  EXPECT_EQ(came[0], came[1]);
  EXPECT_NE(came[0], came[2]);
  EXPECT_NEAR(static_cast<double>(came[0].size()), 1800, 80);
}
TEST_F(LinkTest, DelaysWithinHalfAMillisecondAtTheMedian) {
  TwoHosts hosts({.delay = 5 * kNanosPerMilli});
  const os::Fd near = hosts.socket(0, SOCK_DGRAM, 5000);
  const os::Fd far = hosts.socket(1, SOCK_DGRAM, 5001);
  const sockaddr_in target = TwoHosts::address(1, 5001);
  std::vector<os::Nanos> took;
  for (int i = 0; i < 200; ++i) {
    char byte = 'x';
    const auto began = os::steady_now();
    ASSERT_EQ(::sendto(near.get(), &byte, 1, 0, reinterpret_cast<const sockaddr*>(&target),
                       sizeof target),
              1);
    ASSERT_EQ(::recv(far.get(), &byte, 1, 0), 1);
    took.push_back(os::steady_now() - began);
  }
  std::ranges::sort(took);
  RecordProperty("median_us", static_cast<int>(took[100] / 1000));
  EXPECT_GE(took[0], 5 * kNanosPerMilli - 100'000);
  EXPECT_LT(took[100], 5 * kNanosPerMilli + kNanosPerMilli / 2);
}
TEST_F(LinkTest, ReordersAndDuplicates) {
  TwoHosts hosts({.reorder = 0.1, .duplicate = 0.1});
  const auto came = numbers_through(hosts, 2000);
  EXPECT_FALSE(std::ranges::is_sorted(came));
  EXPECT_EQ(std::set(came.begin(), came.end()).size(), 2000U);
  EXPECT_EQ(came.size(), 2000 + hosts.link().figures().counters[0].duplicated);
  EXPECT_GT(came.size(), 2100U);
}
TEST_F(LinkTest, TheReceiverRefusesEveryCorruptedPacket) {
  for (const bool offloads : {false, true}) {
    TwoHosts hosts({}, offloads);
    let_arp_happen(hosts);
    hosts.link().change({.corrupt = 0.05}, {});
    const size_t came = numbers_through(hosts, 1000).size();
    EXPECT_EQ(came, 1000 - hosts.link().figures().counters[0].corrupted);
    EXPECT_NEAR(static_cast<double>(came), 950, 40);
  }
}
TEST_F(LinkTest, SuperPacketsPassWholeAndIntact) {
  TwoHosts hosts({}, true);
  (void)transfer(hosts, 20 << 20);
  const Counters c = hosts.link().figures().counters[0];
  EXPECT_GT(c.in_bytes / c.in, 3000U) << "no super-packet was seen: are offloads on?";
}
TEST_F(LinkTest, TcpSurvivesCorruptionOfSuperPackets) {
  TwoHosts hosts({.loss = 0.005, .reorder = 0.01, .corrupt = 0.02}, true);
  (void)transfer(hosts, 4 << 20);
  EXPECT_GT(hosts.link().figures().counters[0].corrupted, 0U);
}
TEST_F(LinkTest, TheRateHolds) {
  TwoHosts hosts({.rate_bits = 80'000'000, .queue_bytes = 200'000});
  const auto took = static_cast<double>(transfer(hosts, 4 << 20)) / 1e9;
  const double rate = 8.0 * (4 << 20) / took / 1e6;
  EXPECT_GT(rate, 55);
  EXPECT_LT(rate, 80);
}
TEST_F(LinkTest, AChangeHoldsFromTheNextPacketOn) {
  TwoHosts hosts({});
  let_arp_happen(hosts);
  hosts.link().change({.down = true}, {});
  EXPECT_TRUE(numbers_through(hosts, 10).empty());
  hosts.link().change({}, {});
  EXPECT_EQ(numbers_through(hosts, 10).size(), 10U);
}
}  // namespace
}  // namespace mirrorlab::wirebox
