// Links held, stepped and let go again, between real network stacks.
#include "harness/wirebox/gate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "netns/wirebox/two_hosts.h"
#include "os/clock.h"

namespace mirrorlab::wirebox {
namespace {
using os::kNanosPerMilli;
using os::kNanosPerSecond;

class GateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs network namespaces: run as root";
  }
  Gate gate_;
};

// Numbered datagrams from host 0 to host 1.
class Datagrams {
 public:
  explicit Datagrams(TwoHosts& hosts)
      : from_(hosts.socket(0, SOCK_DGRAM, 5000)), to_(hosts.socket(1, SOCK_DGRAM, 5001)) {
    send(0);  // addresses are resolved then
    EXPECT_EQ(receive(kNanosPerSecond * 5), 0);
  }
  void send(uint8_t number) {
    const sockaddr_in target = TwoHosts::address(1, 5001);
    EXPECT_EQ(::sendto(from_.get(), &number, 1, 0, reinterpret_cast<const sockaddr*>(&target),
                       sizeof target),
              1);
  }
  // The next one's number; -1 when none comes in time.
  int receive(os::Nanos patience) {
    const timeval limit{patience / kNanosPerSecond, patience % kNanosPerSecond / 1000};
    ::setsockopt(to_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    uint8_t number = 0;
    return ::recv(to_.get(), &number, 1, 0) == 1 ? number : -1;
  }

 private:
  os::Fd from_, to_;
};

constexpr os::Nanos kSoon = 100 * kNanosPerMilli;
constexpr os::Nanos kLong = 5 * kNanosPerSecond;

TEST_F(GateTest, HoldsStepsAndResumes) {
  TwoHosts hosts({}, false, 1, 1500, &gate_);
  Datagrams d(hosts);
  EXPECT_FALSE(gate_.shut());
  EXPECT_FALSE(gate_.step());
  gate_.hold();
  for (uint8_t n = 1; n <= 4; ++n) d.send(n);
  EXPECT_EQ(d.receive(kSoon), -1);
  EXPECT_EQ(gate_.waiting(), 4U);
  for (const int n : {1, 2}) {
    const auto passed = gate_.step();
    ASSERT_TRUE(passed);
    EXPECT_EQ(passed->link, "a-b");
    EXPECT_EQ(passed->direction, Direction::a_to_b);
    EXPECT_EQ(passed->text, "10.0.0.1:5000 > 10.0.0.2:5001 protocol 17 length 9");
    EXPECT_EQ(d.receive(kLong), n);
    EXPECT_EQ(d.receive(kSoon), -1);
  }
  EXPECT_EQ(gate_.waiting(), 2U);
  gate_.resume();
  EXPECT_EQ(d.receive(kLong), 3);
  EXPECT_EQ(d.receive(kLong), 4);
  d.send(5);
  EXPECT_EQ(d.receive(kLong), 5);
  EXPECT_EQ(gate_.waiting(), 0U);
  const Figures f = hosts.link().figures();
  EXPECT_EQ(f.counters[0].in, f.counters[0].out);
}
TEST_F(GateTest, StepsFollowTheOrderAcrossLinks) {
  TwoHosts slow({.delay = 60 * kNanosPerMilli}, false, 1, 1500, &gate_, "slow");
  TwoHosts fast({.delay = 20 * kNanosPerMilli}, false, 1, 1500, &gate_, "fast");
  Datagrams on_slow(slow), on_fast(fast);
  gate_.hold();
  on_slow.send(1);
  on_fast.send(2);
  auto passed = gate_.step();
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->link, "fast");
  const os::Nanos first = passed->at;
  passed = gate_.step();
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->link, "slow");
  EXPECT_NEAR(static_cast<double>(passed->at - first), 40e6, 1);
  EXPECT_FALSE(gate_.step());
}
TEST_F(GateTest, TheLinksTimeStandsStill) {
  TwoHosts hosts({.delay = 50 * kNanosPerMilli}, false, 1, 1500, &gate_);
  Datagrams d(hosts);
  d.send(1);
  gate_.hold();
  EXPECT_EQ(d.receive(2 * kSoon), -1) << "its time would have come";
  const auto began = os::steady_now();
  gate_.resume();
  d.send(2);
  EXPECT_EQ(d.receive(kLong), 1);
  EXPECT_EQ(d.receive(kLong), 2);
  EXPECT_GE(os::steady_now() - began, 50 * kNanosPerMilli);
}
TEST_F(GateTest, AWatchStopsBeforeThePacketItNames) {
  TwoHosts hosts({}, false, 1, 1500, &gate_);
  Datagrams d(hosts);
  EXPECT_FALSE(gate_.wait_shut(kNanosPerMilli));
  gate_.watch([](const Arrival& a) {
    const auto info = inspect(a.frame);
    return a.link == "a-b" && a.direction == Direction::a_to_b && info && info->protocol == 17 &&
           a.frame[info->transport + 8] == 3;
  });
  for (uint8_t n = 1; n <= 4; ++n) d.send(n);
  ASSERT_TRUE(gate_.wait_shut(kLong));
  EXPECT_EQ(d.receive(kLong), 1);
  EXPECT_EQ(d.receive(kLong), 2);
  EXPECT_EQ(d.receive(kSoon), -1);
  gate_.watch({});
  EXPECT_TRUE(gate_.step());
  EXPECT_EQ(d.receive(kLong), 3);
  gate_.resume();
  EXPECT_EQ(d.receive(kLong), 4);
}
TEST_F(GateTest, AnArrivalIsToldWhileItIsShut) {
  TwoHosts hosts({}, false, 1, 1500, &gate_);
  Datagrams d(hosts);
  gate_.watch([](const Arrival&) { return false; });
  d.send(1);
  EXPECT_EQ(d.receive(kLong), 1);
  gate_.hold();
  uint64_t seen = 0;
  EXPECT_TRUE(gate_.wait_arrival(seen, 0)) << "one came before";
  d.send(2);
  EXPECT_TRUE(gate_.wait_arrival(seen, kLong));
  while (gate_.wait_arrival(seen, kSoon)) {
  }
  EXPECT_EQ(d.receive(kSoon), -1);
}
TEST_F(GateTest, AnyThreadMayCallAnythingWhilePacketsPass) {
  TwoHosts hosts({.delay = kNanosPerMilli, .loss = 0.01, .reorder = 0.01}, false, 1, 1500, &gate_);
  const os::Fd from = hosts.socket(0, SOCK_DGRAM, 5000);
  const os::Fd to = hosts.socket(1, SOCK_DGRAM, 5001);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    const sockaddr_in target = TwoHosts::address(1, 5001);
    std::array<char, 300> data{};
    while (!over) {
      (void)::sendto(from.get(), data.data(), data.size(), 0,
                     reinterpret_cast<const sockaddr*>(&target), sizeof target);
    }
  });
  threads.emplace_back([&] {
    for (bool lossy = false; !over; lossy = !lossy) {
      hosts.link().change({.delay = lossy ? kNanosPerMilli : 0, .loss = lossy ? 0.1 : 0}, {});
      (void)hosts.link().figures();
      (void)hosts.link().cpu_seconds();
    }
  });
  threads.emplace_back([&] {
    while (!over) {
      gate_.watch([](const Arrival& a) { return a.frame.size() == 7; });
      (void)gate_.waiting();
      gate_.watch({});
    }
  });
  for (int i = 0; i < 100; ++i) {
    gate_.hold();
    for (int k = 0; k < 5; ++k) (void)gate_.step();
    gate_.resume();
    EXPECT_FALSE(gate_.wait_shut(2 * kNanosPerMilli));
  }
  over = true;
  for (auto& t : threads) t.join();
  hosts.link().change({}, {});
  while (gate_.waiting() > 0) std::this_thread::yield();
  const Figures f = hosts.link().figures();
  const auto& c = f.counters[0];
  uint64_t dropped = 0;
  for (const uint64_t n : c.dropped) dropped += n;
  EXPECT_EQ(c.in + c.duplicated + c.cut, c.out + dropped + f.waiting[0]);
  EXPECT_EQ(f.kernel[0].sent + f.kernel[0].send_errors, c.out);
  EXPECT_GT(c.out, 100U);
}
TEST_F(GateTest, ALinkMayEndWhileShut) {
  gate_.hold();
  {
    TwoHosts hosts({}, false, 1, 1500, &gate_);
    const os::Fd from = hosts.socket(0, SOCK_DGRAM, 5000);
    const sockaddr_in target = TwoHosts::address(1, 5001);
    EXPECT_EQ(
        ::sendto(from.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&target), sizeof target),
        1);
  }
  EXPECT_EQ(gate_.waiting(), 0U);
  EXPECT_FALSE(gate_.step());
  gate_.resume();
}
}  // namespace
}  // namespace mirrorlab::wirebox
