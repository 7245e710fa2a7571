#include "harness/verify/tap.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>

#include "os/clock.h"
#include "os/error.h"

namespace mirrorlab::verify {

namespace {
constexpr uint32_t kRingBytes = 64U << 20U;
constexpr size_t kMaxPacket = 66 * 1024;
constexpr uint32_t kRetireMs = 20;  // nobody waits for a tap: few wake-ups matter more

os::PacketRing open_ring(const std::string& device) {
  os::PacketRing::Options options;
  options.device = device;
  options.ring_bytes = kRingBytes;
  options.retire_ms = kRetireMs;
  auto ring = os::PacketRing::open(options);
  if (!ring) throw std::runtime_error("cannot tap " + device + ": " + ring.error());
  return std::move(*ring);
}
}  // namespace

Tap::Tap(const std::string& device)
    : ring_(open_ring(device)), clock_offset_ns_(os::wall_now() - os::steady_now()) {
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!stop_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
  thread_ = std::thread([this] { run(); });
}

void Tap::take_all() {
  while (ring_.read_block([this](const os::PacketRing::Packet& p) {
    packets_.push_back({p.time_ns - clock_offset_ns_, {p.bytes.begin(), p.bytes.end()}});
    seen_.fetch_add(1, std::memory_order_relaxed);
  })) {
  }
}

void Tap::run() {
  std::array<pollfd, 2> fds{{{ring_.fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  for (;;) {
    ::poll(fds.data(), fds.size(), -1);
    take_all();
    if ((fds[1].revents & POLLIN) != 0) break;
  }
  // What the ring holds in a block that is not full comes when the kernel retires it.
  while (::poll(fds.data(), 1, 2 * kRetireMs) > 0) take_all();
}

std::vector<TapPacket> Tap::stop() {
  const uint64_t one = 1;
  if (thread_.joinable() && ::write(stop_.get(), &one, sizeof one) == sizeof one) thread_.join();
  drops_ = ring_.statistics().drops;
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
