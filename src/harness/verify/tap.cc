#include "harness/verify/tap.h"

#include <linux/if_packet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>

#include "harness/verify/tap_filter.h"
#include "os/error.h"

namespace mirrorlab::verify {

namespace {
constexpr uint32_t kRingBytes = 64U << 20U;
constexpr uint32_t kMaxPacket = 256 * 1024;
constexpr uint32_t kRetireMs = 20;  // nobody waits for a tap: few wake-ups matter more

os::PacketRing open_ring(const std::string& device, const std::vector<uint16_t>& whole_ports) {
  os::PacketRing::Options options;
  options.device = device;
  options.ring_bytes = kRingBytes;
  options.retire_ms = kRetireMs;
  options.filter = tap_filter(whole_ports, Tap::kHeaders);
  auto ring = os::PacketRing::open(options);
  if (!ring) {
    throw std::runtime_error("cannot tap " +
                             (device.empty() ? std::string("all devices") : device) + ": " +
                             ring.error());
  }
  return std::move(*ring);
}
}  // namespace

Tap::Tap(const std::string& device, const std::vector<uint16_t>& whole_ports)
    : ring_(open_ring(device, whole_ports)) {
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!stop_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
  thread_ = std::thread([this] { run(); });
}

void Tap::take_all() {
  uint64_t taken = 0;
  while (ring_.read_block([&](const os::PacketRing::Packet& p) {
    TapPacket seen;
    seen.time_ns = p.time_ns;
    seen.data = p.bytes.data();
    seen.size = static_cast<uint32_t>(p.bytes.size());
    seen.length = p.wire_bytes;
    seen.outgoing = p.kind == PACKET_OUTGOING;
    seen.checksum_open = p.checksum_open;
    log_.add(seen);
    ++taken;
  })) {
  }
  seen_.fetch_add(taken, std::memory_order_relaxed);
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
  cpu_ = os::thread_cpu();
}

void Tap::end() {
  // Why no check: it fails only when the counter is full, and then the thread ends as well.
  (void)::eventfd_write(stop_.get(), 1);
}

PacketLog Tap::stop() {
  if (thread_.joinable()) {
    end();
    thread_.join();
  }
  drops_ = ring_.statistics().drops;
  return std::move(log_);
}

Tap::~Tap() {
  if (!thread_.joinable()) return;
  end();
  thread_.join();
}

bool write_pcap(const std::string& path, const PacketLog& log, uint64_t max_bytes) {
  std::ofstream out(path, std::ios::binary);
  const auto put = [&](uint32_t v) { out.write(reinterpret_cast<const char*>(&v), sizeof v); };
  put(0xa1b23c4d);  // nanosecond pcap
  put(2 | 4U << 16U);
  put(0);
  put(0);
  put(kMaxPacket);
  put(101);  // LINKTYPE_RAW
  uint64_t written = 0;
  bool whole = true;
  for (const TapPacket& p : log.packets()) {
    written += p.size + 16;
    if (written > max_bytes) {
      whole = false;
      break;
    }
    put(static_cast<uint32_t>(p.time_ns / os::kNanosPerSecond));
    put(static_cast<uint32_t>(p.time_ns % os::kNanosPerSecond));
    put(p.size);
    put(p.length);
    out.write(reinterpret_cast<const char*>(p.data), static_cast<std::streamsize>(p.size));
  }
  out.flush();
  if (!out) throw std::runtime_error("cannot write " + path + ": is the disk full?");
  return whole;
}

}  // namespace mirrorlab::verify
