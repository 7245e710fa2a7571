#include "bench/wirebox/delay.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "netns/wirebox/two_hosts.h"

namespace mirrorlab::bench {

namespace {
void send_paced(const os::Fd& fd, unsigned per_s, uint64_t count) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  const sockaddr_in target = wirebox::TwoHosts::address(1, 5001);
  const auto began = os::steady_now();
  for (uint64_t i = 0; i < count; ++i) {
    const timespec at =
        os::timespec_of(began + static_cast<os::Nanos>(i * 1'000'000'000ULL / per_s));
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
    const os::Nanos stamp = os::wall_now();
    (void)::sendto(fd.get(), &stamp, sizeof stamp, 0, reinterpret_cast<const sockaddr*>(&target),
                   sizeof target);
  }
}

// The time one datagram took, by the kernel's stamp; negative when none comes any more.
os::Nanos receive(const os::Fd& fd) {
  os::Nanos stamp = 0;
  iovec part{&stamp, sizeof stamp};
  alignas(cmsghdr) char control[64];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(fd.get(), &message, 0) != sizeof stamp) return -1;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr) return -1;
  timespec at{};
  std::memcpy(&at, CMSG_DATA(header), sizeof at);
  return os::nanos_of(at) - stamp;
}
}  // namespace

std::string delay_error(os::Nanos delay, unsigned per_s, double seconds) {
  wirebox::TwoHosts hosts({.delay = delay});
  const os::Fd from = hosts.socket(0, SOCK_DGRAM, 5000);
  const os::Fd to = hosts.socket(1, SOCK_DGRAM, 5001);
  const int on = 1;
  ::setsockopt(to.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  const timeval patience{1, 0};
  ::setsockopt(to.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // Why: the kernel begins to stamp a while after it is asked to (a work queue does it); until then
  // the stamp is the time of reading.
  const auto unstamped = static_cast<uint64_t>(per_s * 0.3);
  const auto count = static_cast<uint64_t>(per_s * seconds) + unstamped;
  std::vector<double> errors;
  errors.reserve(count);
  uint64_t came = 0;
  std::thread sender([&] { send_paced(from, per_s, count); });
  for (os::Nanos took = 0; (took = receive(to)) >= 0;) {
    if (++came > unstamped) errors.push_back(static_cast<double>(took - delay) / 1e3);
  }
  sender.join();
  if (errors.empty()) return "nothing came";
  std::ranges::sort(errors);
  const auto at = [&](double part) {
    return errors[static_cast<size_t>(part * static_cast<double>(errors.size() - 1))];
  };
  return fmt::format(
      "delay {} ms at {:3} kpps: error p1 {:5.1f}  p50 {:5.1f}  p90 {:6.1f}  p99 {:7.1f}  max "
      "{:7.1f}"
      " us  ({} of {} came)",
      delay / os::kNanosPerMilli, per_s / 1000, at(0.01), at(0.5), at(0.9), at(0.99), at(1), came,
      count);
}

}  // namespace mirrorlab::bench
