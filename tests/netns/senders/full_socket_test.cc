// A socket buffer that is full, by the kernel itself: EAGAIN until the device has sent what waits.
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <set>

#include "harness/net/namespace.h"
#include "harness/net/netlink.h"
#include "os/injector.h"

namespace mirrorlab::os {
namespace {

constexpr size_t kPackets = 500;
constexpr size_t kPayload = 1000;

// The real call, by a socket whose buffer holds a few packets.
std::set<int> made_small;
uint64_t refused = 0;
int send_many(int fd, mmsghdr* messages, unsigned count, int flags) {
  const int bytes = 1;  // the kernel makes its least of it
  if (made_small.insert(fd).second) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  const int n = ::sendmmsg(fd, messages, count, flags);
  if (n < 0 && errno == EAGAIN) ++refused;
  return n;
}

void command(const char* words) { ASSERT_EQ(std::system(words), 0) << words; }

class FullSocket : public testing::TestWithParam<std::tuple<InjectWay, bool>> {
 protected:
  // Two hosts, and a device that sends 100 Mbit/s.
  void lay_out() {
    here_.run([&] {
      net::Netlink n;
      n.add_veth("a", "b", there_.fd());
      n.add_address("a", "10.2.0.1/24");
      n.add_address("a", "fd00:2::1/64");
      n.set_up("a");
    });
    there_.run([&] {
      net::Netlink n;
      n.add_address("b", "10.2.0.2/24");
      n.add_address("b", "fd00:2::2/64");
      n.set_up("b");
      net::wait_running("b");
    });
    here_.run([&] {
      net::wait_running("a");
      command("tc qdisc add dev a root tbf rate 100mbit burst 10kb limit 10mb");
      command("ip neigh add 10.2.0.2 lladdr 02:00:00:00:00:02 dev a nud permanent");
      command("ip neigh add fd00:2::2 lladdr 02:00:00:00:00:02 dev a nud permanent");
    });
  }
  // As the engine does: a flush now, and one each time that what it waits for has come.
  static size_t send_all(PacketSender& sender, bool v6) {
    Nanos now = 1;
    wire::TcpHeader h;
    h.src = *wire::Endpoint::parse(v6 ? "[fd00:9::1]:4000" : "10.9.0.1:4000");
    h.dst = *wire::Endpoint::parse(v6 ? "[fd00:2::2]:80" : "10.2.0.2:80");
    h.flags = wire::tcp_flag::kAck;
    const std::vector<uint8_t> payload(kPayload);
    for (uint32_t i = 0; i < kPackets; ++i) {
      h.seq = wire::Seq(i * 2 * kPayload);  // not one super-packet
      sender.send(h, payload);
    }
    sender.flush(++now);
    size_t waits = 0;
    for (; sender.wait().fd >= 0; ++waits) {
      pollfd room{sender.wait().fd, POLLOUT, 0};
      EXPECT_EQ(::poll(&room, 1, 10'000), 1) << "no word of room in the socket";
      if (testing::Test::HasFailure()) break;
      sender.flush(++now);
    }
    return waits;
  }
  net::Namespace here_ = net::Namespace::create();
  net::Namespace there_ = net::Namespace::create();
};

TEST_P(FullSocket, KeepsWhatItRefusesAndSendsItWhenThereIsRoom) {
  const auto [way, v6] = GetParam();
  made_small.clear();
  refused = 0;
  lay_out();
  uint64_t before = 0;
  there_.run([&] { before = net::received_packets("b"); });
  here_.run([&] {
    auto routes = KernelRoutes::open();
    ASSERT_TRUE(routes) << routes.error();
    auto sender = Injector::open(way, 1500, {std::move(*routes), send_many});
    ASSERT_TRUE(sender) << sender.error();
    EXPECT_GT(send_all(**sender, v6), 0U);
    const auto& c = (*sender)->counters();
    EXPECT_EQ(c.packets, kPackets);
    EXPECT_EQ(c.by_link, way == InjectWay::packet ? kPackets : 0U);
    EXPECT_GT(refused, 0U);
    EXPECT_EQ(c.deferred, refused);
    EXPECT_EQ(c.overflow, 0U);
    for (const uint64_t errors : c.errors) EXPECT_EQ(errors, 0U);
  });
  // The last of them may still be in the device's queue.
  const Nanos end = steady_now() + 10 * kNanosPerSecond;
  uint64_t came = 0;
  while (came < kPackets && steady_now() < end) {
    there_.run([&] { came = net::received_packets("b") - before; });
    ::poll(nullptr, 0, 1);
  }
  EXPECT_GE(came, kPackets);
}

INSTANTIATE_TEST_SUITE_P(Every, FullSocket,
                         testing::Combine(testing::Values(InjectWay::packet, InjectWay::raw),
                                          testing::Bool()),
                         [](const auto& one) {
                           return std::string(std::get<0>(one.param) == InjectWay::packet ? "packet"
                                                                                          : "raw") +
                                  (std::get<1>(one.param) ? "V6" : "V4");
                         });

}  // namespace
}  // namespace mirrorlab::os
