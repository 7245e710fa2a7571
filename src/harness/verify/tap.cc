#include "harness/verify/tap.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <stdexcept>

#include "os/clock.h"
#include "os/error.h"

namespace mirrorlab::verify {

namespace {
constexpr int kSocketBuffer = 256 << 20;
constexpr size_t kMaxPacket = 66 * 1024;
}  // namespace

Tap::Tap(const std::string& device) {
  socket_.reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) throw std::runtime_error(os::error_text("cannot open a tap"));
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBuffer,
                   sizeof kSocketBuffer) < 0) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  if (address.sll_ifindex == 0 ||
      ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    throw std::runtime_error(os::error_text("cannot tap device " + device));
  }
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!stop_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
  thread_ = std::thread([this] { run(); });
}

void Tap::run() {
  std::vector<uint8_t> buffer(kMaxPacket);
  std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  for (;;) {
    ::poll(fds.data(), fds.size(), -1);
    for (;;) {
      const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n <= 0) break;
      packets_.push_back({os::steady_now(), {buffer.begin(), buffer.begin() + n}});
    }
    if ((fds[1].revents & POLLIN) != 0) return;  // after what had already arrived was read
  }
}

std::vector<TapPacket> Tap::stop() {
  const uint64_t one = 1;
  if (thread_.joinable() && ::write(stop_.get(), &one, sizeof one) == sizeof one) thread_.join();
  tpacket_stats stats{};
  socklen_t length = sizeof stats;
  if (::getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
    drops_ += stats.tp_drops;
  }
  return std::move(packets_);
}

Tap::~Tap() {
  if (thread_.joinable()) stop();
}

void write_pcap(const std::string& path, const std::vector<TapPacket>& packets) {
  std::ofstream out(path, std::ios::binary);
  const auto put = [&](uint32_t v) { out.write(reinterpret_cast<const char*>(&v), sizeof v); };
  put(0xa1b23c4d);  // nanosecond pcap
  put(2 | 4U << 16U);
  put(0);
  put(0);
  put(kMaxPacket);
  put(101);  // LINKTYPE_RAW
  for (const TapPacket& p : packets) {
    put(static_cast<uint32_t>(p.time_ns / os::kNanosPerSecond));
    put(static_cast<uint32_t>(p.time_ns % os::kNanosPerSecond));
    put(static_cast<uint32_t>(p.bytes.size()));
    put(static_cast<uint32_t>(p.bytes.size()));
    out.write(reinterpret_cast<const char*>(p.bytes.data()),
              static_cast<std::streamsize>(p.bytes.size()));
  }
  out.flush();
  if (!out) throw std::runtime_error("cannot write " + path + ": is the disk full?");
}

}  // namespace mirrorlab::verify
