#include "os/ring_capture.h"

#include <sys/epoll.h>

#include <algorithm>

#include "os/error.h"
#include "os/link_header.h"
#include "os/port_filter.h"

namespace mirrorlab::os {

namespace {
constexpr uint32_t kBlock = 1U << 17U;  // more than a super-packet of 64 KiB
constexpr uint32_t kLeastBlocks = 8;
// Why: a block that is not full is spent all the same once this time is over. Blocks times this is
// how long the engine may stand still before packets are lost: with 64 MiB 512 blocks, two seconds.
constexpr uint32_t kRetireMs = 4;
constexpr size_t kLargestRing = 1U << 30U;
}  // namespace

tl::expected<RingCapture, std::string> RingCapture::open(const CaptureOptions& options) {
  PacketRing::Options o;
  o.device = options.device;
  o.block_bytes = kBlock;
  o.retire_ms = kRetireMs;
  const auto blocks = std::min(options.buffer_bytes, kLargestRing) / o.block_bytes;
  o.ring_bytes = std::max(static_cast<uint32_t>(blocks), kLeastBlocks) * o.block_bytes;
  o.ignore_outgoing = true;
  const bool shared = options.split.count > 1;
  // Why closed: until all rings are there, the kernel would give some of them what is not theirs.
  o.filter = shared ? closed_filter() : port_filter(options.ports);
  auto ring = PacketRing::open(o);
  if (!ring) return tl::unexpected(ring.error());
  RingCapture capture(std::move(*ring), options.device.empty());
  capture.intake_.counters().buffer_bytes = o.ring_bytes;
  if (shared) {
    if (auto done = capture.share(options); !done) return tl::unexpected(done.error());
  }
  return capture;
}

tl::expected<void, std::string> RingCapture::share(const CaptureOptions& options) {
  ports_ = options.ports;
  if (auto done = ring_.join(*options.fanout_group, fanout_program(options.split.count)); !done) {
    return done;
  }
  CaptureOptions few = options;
  few.buffer_bytes = options.buffer_bytes / 16;
  auto strays = PacketCapture::open(few, stray_filter());
  if (!strays) return tl::unexpected(strays.error());
  strays_ = std::make_unique<PacketCapture>(std::move(*strays));
  both_.reset(::epoll_create1(EPOLL_CLOEXEC));
  for (const int fd : {ring_.fd(), strays_->fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (!both_ || ::epoll_ctl(both_.get(), EPOLL_CTL_ADD, fd, &event) < 0) {
      return failure("cannot watch a packet socket");
    }
  }
  return {};
}

void RingCapture::begin() {
  if (!strays_) return;
  // What cannot fail but for want of memory; then nothing is captured, and that is to be seen.
  if (!attach_filter(ring_.fd(), plain_port_filter(ports_))) ++intake_.counters().read_errors;
}

bool RingCapture::read(const Take& take) {
  const bool more = strays_ && strays_->read(take);
  const auto done = [&] { intake_.hand_over(take); };
  return ring_.read_block([&](const PacketRing::Packet& packet) { take_one(packet, take); },
                          done) ||
         more;
}

void RingCapture::take_one(const PacketRing::Packet& packet, const Take& take) {
  auto& counters = intake_.counters();
  switch (addressed(packet.kind, packet.protocol, all_devices_ && packet.tagged, packet.tag)) {
    case Addressed::elsewhere:
      ++counters.not_for_us;
      return;
    case Addressed::outer:
      ++counters.vlan_outer;
      return;
    case Addressed::not_ip:
      ++counters.unwanted;
      return;
    case Addressed::here:
      break;
  }
  const bool vouched = packet.checksum_open || packet.checksum_valid;
  intake_.take(packet.bytes, packet.wire_bytes,
               vouched ? ChecksumState::vouched : ChecksumState::verify, take);
}

bool RingCapture::unread() { return ring_.unread() || (strays_ && strays_->unread()); }

const CaptureCounters& RingCapture::counters() {
  intake_.counters().kernel_drops = ring_.statistics().drops;
  if (!strays_) return intake_.counters();
  const auto& more = strays_->counters();
  sum_ = intake_.counters();
  sum_.packets += more.packets;
  sum_.kernel_drops += more.kernel_drops;
  sum_.bad_checksum += more.bad_checksum;
  sum_.fragments += more.fragments;
  sum_.reassembled += more.reassembled;
  sum_.truncated += more.truncated;
  sum_.malformed += more.malformed;
  sum_.unwanted += more.unwanted;
  sum_.not_for_us += more.not_for_us;
  sum_.vlan_outer += more.vlan_outer;
  sum_.buffer_bytes += more.buffer_bytes;
  sum_.read_errors += more.read_errors;
  return sum_;
}

}  // namespace mirrorlab::os
