#include "os/raw_ip_capture.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "os/error.h"
#include "os/port_filter.h"
#include "os/socket_buffer.h"

namespace mirrorlab::os {

namespace {
constexpr const char* kMend = "run as root or give the program CAP_NET_RAW (setcap cap_net_raw+ep)";

// Filter, device, buffer. What came before the filter was there is thrown away.
tl::expected<uint64_t, std::string> prepare(int fd, const CaptureOptions& o,
                                            const std::vector<sock_filter>& filter) {
  if (auto done = attach_filter(fd, filter); !done) return tl::unexpected(done.error());
  if (!o.device.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o.device.c_str(),
                                        static_cast<socklen_t>(o.device.size() + 1)) < 0) {
    return failure("cannot capture on " + o.device, errno, "`ip link` lists the devices");
  }
  uint8_t early = 0;
  while (::recv(fd, &early, sizeof early, MSG_DONTWAIT) >= 0) {
  }
  return enlarge_receive_buffer(fd, o.buffer_bytes);
}
}  // namespace

tl::expected<RawIpCapture, std::string> RawIpCapture::open(const CaptureOptions& options) {
  RawIpCapture c;
  c.both_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!c.both_) return failure("cannot make an epoll instance");
  c.v4_.reset(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!c.v4_) return failure("cannot open a raw socket", errno, kMend);
  auto granted = prepare(c.v4_.get(), options, cutting_port_filter(options.ports));
  if (!granted) return tl::unexpected(granted.error());
  c.v6_.reset(::socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (c.v6_) {
    const int one = 1;
    if (::setsockopt(c.v6_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) < 0) {
      return failure("cannot ask for destination addresses (IPV6_RECVPKTINFO)");
    }
    auto more = prepare(c.v6_.get(), options, cutting_segment_filter(options.ports));
    if (!more) return tl::unexpected(more.error());
    *granted += *more;
  }
  for (const int fd : {c.v4_.get(), c.v6_.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (fd >= 0 && ::epoll_ctl(c.both_.get(), EPOLL_CTL_ADD, fd, &event) < 0) {
      return failure("cannot watch a raw socket");
    }
  }
  c.intake_.set_split(options.split);
  c.intake_.counters().buffer_bytes = *granted;
  return c;
}

bool RawIpCapture::read(const Take& take) {
  const bool more_v4 = read_v4(take);
  const bool more_v6 = v6_ && read_v6(take);
  return more_v4 || more_v6;
}

int RawIpCapture::receive(int fd) {
  const int n = batch_.receive(fd);
  if (n < 0 && errno != EAGAIN && errno != EINTR) ++intake_.counters().read_errors;
  return n;
}

bool RawIpCapture::read_v4(const Take& take) {
  const int n = receive(v4_.get());
  for (int i = 0; i < n; ++i) {
    const auto bytes = batch_.bytes(static_cast<size_t>(i));
    if (bytes.size() == kRefusedBytes) {
      ++intake_.counters().unwanted;
      continue;
    }
    intake_.take(bytes, batch_.cut(static_cast<size_t>(i)) ? SIZE_MAX : bytes.size(),
                 ChecksumState::unknown, take);
  }
  intake_.hand_over(take);
  return n == static_cast<int>(ReceiveBatch::kMessages);
}

bool RawIpCapture::read_v6(const Take& take) {
  const int n = receive(v6_.get());
  for (int i = 0; i < n; ++i) {
    const auto index = static_cast<size_t>(i);
    if (batch_.bytes(index).size() == kRefusedBytes) {
      ++intake_.counters().unwanted;
      continue;
    }
    const auto* to = batch_.control<in6_pktinfo>(index, IPPROTO_IPV6, IPV6_PKTINFO);
    if (to == nullptr || batch_.cut(index)) {
      ++intake_.counters().malformed;
      continue;
    }
    const auto src = wire::IpAddress::v6(batch_.from<sockaddr_in6>(index).sin6_addr.s6_addr);
    intake_.take_segment(src, wire::IpAddress::v6(to->ipi6_addr.s6_addr), batch_.bytes(index),
                         take);
  }
  intake_.hand_over(take);
  return n == static_cast<int>(ReceiveBatch::kMessages);
}

const CaptureCounters& RawIpCapture::counters() {
  auto& counters = intake_.counters();
  counters.kernel_drops = receive_drops(v4_.get()) + (v6_ ? receive_drops(v6_.get()) : 0);
  return counters;
}

}  // namespace mirrorlab::os
