// The simulator's TCP endpoint against the kernel's, in a network namespace: what the simulator
// says of the engine is worth as much as its endpoints are like real ones.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "os/clock.h"
#include "os/fd.h"
#include "sim/content.h"
#include "sim/random.h"
#include "sim/tcp_endpoint.h"

namespace mirrorlab::sim {
namespace {

constexpr uint16_t kPort = 7777;
const wire::Endpoint kKernel{*wire::IpAddress::parse("10.9.0.1"), kPort};
const wire::Endpoint kOurs{*wire::IpAddress::parse("10.9.0.2"), kPort};

struct Case {
  const char* name;
  bool we_connect;
  uint32_t loss_percent;
  bool sack, timestamps;
  int8_t window_scale;
  uint32_t receive_buffer;
};

sockaddr_in address_of(const wire::Endpoint& e) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(e.port);
  std::memcpy(&a.sin_addr, e.address.bytes().data(), 4);
  return a;
}

// A tun interface in a network namespace of this process; empty where that is not allowed.
os::Fd open_tun(std::string& why) {
  const auto failed = [&](const char* what) {
    why = std::string(what) + ": " + std::strerror(errno);
    return os::Fd();
  };
  if (::unshare(CLONE_NEWNET) != 0) return failed("unshare(CLONE_NEWNET)");
  os::Fd tun(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tun) return failed("/dev/net/tun");
  ifreq request{};
  std::strcpy(request.ifr_name, "sim0");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) return failed("TUNSETIFF");
  const os::Fd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in own = address_of(kKernel);
  std::memcpy(&request.ifr_addr, &own, sizeof own);
  if (::ioctl(control.get(), SIOCSIFADDR, &request) != 0) return failed("SIOCSIFADDR");
  sockaddr_in mask{};
  mask.sin_family = AF_INET;
  mask.sin_addr.s_addr = htonl(0xffffff00);
  std::memcpy(&request.ifr_netmask, &mask, sizeof mask);
  if (::ioctl(control.get(), SIOCSIFNETMASK, &request) != 0) return failed("SIOCSIFNETMASK");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) return failed("SIOCSIFFLAGS");
  return tun;
}

class Meeting final : public TcpUser {
 public:
  Meeting(const Case& c, os::Fd tun, int64_t bytes)
      : case_(c),
        tun_(std::move(tun)),
        bytes_(bytes),
        endpoint_(settings(c), {kOurs, kKernel}, wire::Seq(0xfffff000U), *this) {}

  void send_packet(const wire::TcpHeader& h, wire::Bytes data) override {
    if (random_.chance(case_.loss_percent)) return;
    std::vector<uint8_t> packet(wire::kMaxHeaderBytes + data.size());
    packet.resize(wire::write_packet(h, data, packet.data()));
    ASSERT_EQ(::write(tun_.get(), packet.data(), packet.size()),
              static_cast<ssize_t>(packet.size()))
        << std::strerror(errno);
  }
  void received(int64_t offset, wire::Bytes data) override {
    ASSERT_EQ(offset, got_);
    ASSERT_EQ(theirs_.mismatch(offset, data), -1) << "at offset " << offset;
    got_ += static_cast<int64_t>(data.size());
  }

  void run() {
    open_kernel_side();
    if (case_.we_connect) endpoint_.connect(os::steady_now());
    const Nanos end = os::steady_now() + 60 * kSecond;
    while (!done() && !testing::Test::HasFailure()) {
      const Nanos now = os::steady_now();
      ASSERT_LT(now, end) << "state " << to_string(endpoint_.state()) << ", sent " << written_
                          << ", received " << got_ << ", the kernel received " << kernel_got_;
      take_packets(now);
      if (endpoint_.deadline() <= now) endpoint_.on_timer(now);
      drive_ours(now);
      drive_kernel();
      wait();
    }
    EXPECT_EQ(got_, bytes_);
    EXPECT_EQ(kernel_got_, bytes_);
    EXPECT_FALSE(endpoint_.was_reset());
    EXPECT_FALSE(endpoint_.timed_out());
  }

 private:
  static TcpSettings settings(const Case& c) {
    TcpSettings s;
    s.sack = c.sack;
    s.timestamps = c.timestamps;
    s.window_scale = c.window_scale;
    s.receive_buffer = c.receive_buffer;
    s.time_wait = 100 * kMillisecond;
    return s;
  }
  [[nodiscard]] bool done() const {
    const TcpState state = endpoint_.state();
    const bool over = state == TcpState::closed || state == TcpState::time_wait;
    return opened_ && over && kernel_finished_ && kernel_written_ == bytes_;
  }
  void open_kernel_side() {
    socket_ = os::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_in own = address_of(kKernel);
    const sockaddr_in other = address_of(kOurs);
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    if (case_.we_connect) {
      ASSERT_EQ(::listen(socket_.get(), 1), 0);
      opened_ = true;
    } else {
      const int r =
          ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&other), sizeof other);
      ASSERT_TRUE(r == 0 || errno == EINPROGRESS) << std::strerror(errno);
      connected_ = true;
    }
  }
  void take_packets(Nanos now) {
    std::vector<uint8_t> buffer(70'000);
    for (ssize_t n; (n = ::read(tun_.get(), buffer.data(), buffer.size())) > 0;) {
      const auto packet = wire::parse_ip_packet({buffer.data(), static_cast<size_t>(n)});
      if (!packet || packet->header.dst != kOurs || random_.chance(case_.loss_percent)) continue;
      EXPECT_TRUE(packet->checksum_valid());
      if (!opened_) {
        if (!packet->header.has(wire::tcp_flag::kSyn)) continue;
        opened_ = true;
        endpoint_.accept(packet->header, {}, now);
      } else {
        endpoint_.on_segment(packet->header, packet->payload, now);
      }
    }
  }
  void drive_ours(Nanos now) {
    if (endpoint_.unread() > 0) endpoint_.read(endpoint_.unread(), now);
    const TcpState state = endpoint_.state();
    if (state != TcpState::established && state != TcpState::close_wait) return;
    std::vector<uint8_t> chunk(8192);
    while (written_ < bytes_ && endpoint_.send_space() > 0) {
      const auto n = std::min<size_t>(
          {chunk.size(), static_cast<size_t>(bytes_ - written_), endpoint_.send_space()});
      ours_.fill(written_, {chunk.data(), n});
      written_ += static_cast<int64_t>(endpoint_.write({chunk.data(), n}, now));
    }
    if (written_ == bytes_) endpoint_.shutdown_write(now);
  }
  void drive_kernel() {
    if (case_.we_connect && !connected_) {
      os::Fd accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!accepted) return;
      socket_ = std::move(accepted);
      connected_ = true;
    }
    std::vector<uint8_t> chunk(16'384);
    for (ssize_t n; (n = ::recv(socket_.get(), chunk.data(), chunk.size(), 0)) >= 0;) {
      if (n == 0) {
        kernel_finished_ = true;
        break;
      }
      const wire::Bytes data(chunk.data(), static_cast<size_t>(n));
      ASSERT_EQ(ours_.mismatch(kernel_got_, data), -1) << "the kernel, near " << kernel_got_;
      kernel_got_ += n;
    }
    while (kernel_written_ < bytes_) {
      const auto n = std::min<size_t>(chunk.size(), static_cast<size_t>(bytes_ - kernel_written_));
      theirs_.fill(kernel_written_, {chunk.data(), n});
      const ssize_t sent = ::send(socket_.get(), chunk.data(), n, MSG_NOSIGNAL);
      if (sent < 0) return;
      kernel_written_ += sent;
      if (kernel_written_ == bytes_) ::shutdown(socket_.get(), SHUT_WR);
    }
  }
  // Until the tun, the socket or the endpoint's timer has something.
  void wait() {
    const short out = connected_ && kernel_written_ < bytes_ ? POLLOUT : 0;
    const short in = kernel_finished_ ? 0 : POLLIN;
    pollfd fds[] = {{tun_.get(), POLLIN, 0}, {socket_.get(), static_cast<short>(in | out), 0}};
    const Nanos left = endpoint_.deadline() - os::steady_now();
    const Nanos most = std::clamp<Nanos>(left, 0, 100 * kMillisecond);
    ::poll(fds, 2, static_cast<int>((most + kMillisecond - 1) / kMillisecond));
  }

  Case case_;
  os::Fd tun_, socket_;
  int64_t bytes_;
  Random random_{7};
  Content ours_{1}, theirs_{2};
  TcpEndpoint endpoint_;
  int64_t written_ = 0, got_ = 0, kernel_written_ = 0, kernel_got_ = 0;
  bool opened_ = false, connected_ = false, kernel_finished_ = false;
};

class Kernel : public testing::TestWithParam<Case> {};

TEST_P(Kernel, CarriesBothStreams) {
  std::string why;
  os::Fd tun = open_tun(why);
  if (!tun) GTEST_SKIP() << why << "; needs CAP_NET_ADMIN";
  Meeting(GetParam(), std::move(tun), 150'000).run();
}

constexpr Case kCases[] = {
    {"WeConnect", true, 0, true, true, 7, 200'000},
    {"TheKernelConnects", false, 0, true, true, 7, 200'000},
    {"WeConnectLossy", true, 4, true, true, 7, 200'000},
    {"TheKernelConnectsLossy", false, 4, true, true, 7, 200'000},
    {"WithoutOptionsLossy", true, 2, false, false, -1, 30'000},
    {"TheKernelConnectsWithoutOptionsLossy", false, 2, false, false, -1, 30'000},
    {"TinyWindow", true, 0, true, false, 0, 3'000},
    {"TinyWindowLossy", false, 1, true, true, 0, 3'000},
};
std::string name_of(const testing::TestParamInfo<Case>& tested) { return tested.param.name; }
INSTANTIATE_TEST_SUITE_P(Sim, Kernel, testing::ValuesIn(kCases), name_of);

}  // namespace
}  // namespace mirrorlab::sim
