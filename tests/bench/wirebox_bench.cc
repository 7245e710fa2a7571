// How much the link stage carries: datagrams of 64 and 1400 bytes in one direction, and TCP with
// and without offloads.   wirebox_bench [SECONDS]
#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

#include "netns/wirebox/two_hosts.h"
#include "os/clock.h"

namespace {
using namespace mirrorlab;
using namespace mirrorlab::wirebox;

double cpu_seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
// CPU time of all threads but this one: the link stage's.
double stage_seconds() { return cpu_seconds(RUSAGE_SELF) - cpu_seconds(RUSAGE_THREAD); }

void datagrams(const Settings& settings, size_t bytes, double seconds, const char* name) {
  TwoHosts hosts(settings);
  const os::Fd from = hosts.socket(0, SOCK_DGRAM, 5000);
  const os::Fd to = hosts.socket(1, SOCK_DGRAM, 5001);
  const sockaddr_in target = TwoHosts::address(1, 5001);
  if (::connect(from.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) < 0) return;
  std::vector<uint8_t> data(bytes);
  std::vector<iovec> parts(64, {data.data(), data.size()});
  std::vector<mmsghdr> batch(64);
  for (size_t i = 0; i < batch.size(); ++i) {
    batch[i].msg_hdr.msg_iov = &parts[i];
    batch[i].msg_hdr.msg_iovlen = 1;
  }
  const double stage_before = stage_seconds();
  const auto began = os::steady_now();
  uint64_t sent = 0;
  while (static_cast<double>(os::steady_now() - began) < seconds * 1e9) {
    const int n = ::sendmmsg(from.get(), batch.data(), 64, 0);
    if (n > 0) sent += static_cast<uint64_t>(n);
  }
  const double took = static_cast<double>(os::steady_now() - began) / 1e9;
  const Figures f = hosts.link().figures();
  const auto passed = static_cast<double>(f.counters[0].out);
  std::cout << fmt::format(
      "{:<28} {:4} B  offered {:6.0f} kpps  carried {:6.0f} kpps  {:5.2f} Gbit/s"
      "  ring drops {}  {:.0f} ns of CPU a frame\n",
      name, bytes, static_cast<double>(sent) / took / 1e3, passed / took / 1e3,
      static_cast<double>(f.counters[0].out_bytes) * 8 / took / 1e9, f.kernel_drops(),
      (stage_seconds() - stage_before) * 1e9 / passed);
}

void tcp(const Settings& settings, bool offloads, double seconds, const char* name) {
  TwoHosts hosts(settings, offloads);
  const os::Fd listener = hosts.socket(1, SOCK_STREAM, 5001);
  if (::listen(listener.get(), 1) < 0) return;
  std::atomic<bool> over{false};
  std::thread client([&] {
    const os::Fd fd = hosts.socket(0, SOCK_STREAM, 0);
    const sockaddr_in target = TwoHosts::address(1, 5001);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) < 0) return;
    const std::vector<uint8_t> data(256 * 1024);
    while (!over && ::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  const os::Fd fd(::accept(listener.get(), nullptr, nullptr));
  std::vector<uint8_t> buffer(1 << 20);
  uint64_t came = 0;
  const auto began = os::steady_now();
  while (static_cast<double>(os::steady_now() - began) < seconds * 1e9) {
    const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    came += static_cast<uint64_t>(n);
  }
  over = true;
  const double took = static_cast<double>(os::steady_now() - began) / 1e9;
  while (::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
  }
  ::shutdown(fd.get(), SHUT_RDWR);
  client.join();
  const Figures f = hosts.link().figures();
  std::cout << fmt::format(
      "{:<28} TCP    {:5.2f} Gbit/s  {:5.0f} bytes a frame  ring drops {}\n", name,
      static_cast<double>(came) * 8 / took / 1e9,
      static_cast<double>(f.counters[0].in_bytes) / static_cast<double>(f.counters[0].in),
      f.kernel_drops());
}
}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  datagrams({}, 64, seconds, "clean");
  datagrams({}, 1400, seconds, "clean");
  datagrams({.loss = 0.01, .reorder = 0.01, .duplicate = 0.01}, 64, seconds,
            "loss, reorder, duplicate");
  datagrams({.delay = 5 * os::kNanosPerMilli}, 64, seconds, "5 ms");
  datagrams({.delay = 5 * os::kNanosPerMilli}, 1400, seconds, "5 ms");
  tcp({}, false, seconds, "clean, offloads off");
  tcp({}, true, seconds, "clean, offloads on");
  tcp({.delay = os::kNanosPerMilli}, true, seconds, "1 ms, offloads on");
}
