#include "harness/wirebox/packet_port.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "os/error.h"

namespace mirrorlab::wirebox {

namespace {
// Room in a slot before the frame: the ring's own header, and alignment.
constexpr size_t kSlotOverhead = 128;
// Status of a slot that was read and not given back. Neither the kernel's nor the reader's: when
// the ring comes round to it, the kernel drops and the reader finds nothing.
constexpr uint32_t kTaken = 1U << 20U;

template <typename T>
void set_option(int fd, int option, const T& value, const char* what) {
  if (::setsockopt(fd, SOL_PACKET, option, &value, sizeof value) < 0) {
    throw std::runtime_error(os::error_text(std::string("cannot set ") + what));
  }
}
}  // namespace

PacketPort::PacketPort(const std::string& device, size_t frame_bytes, size_t ring_bytes) {
  fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) throw std::runtime_error(os::error_text("cannot open a packet socket"));
  const int on = 1;
  set_option(fd_.get(), PACKET_IGNORE_OUTGOING, on, "PACKET_IGNORE_OUTGOING");
  set_option(fd_.get(), PACKET_QDISC_BYPASS, on, "PACKET_QDISC_BYPASS");
  const int version = TPACKET_V2;
  set_option(fd_.get(), PACKET_VERSION, version, "TPACKET_V2");
  // Before the ring: the kernel refuses it afterwards.
  set_option(fd_.get(), PACKET_VNET_HDR, on, "PACKET_VNET_HDR");
  open_ring(device, frame_bytes, ring_bytes);
  bind_to(device);
  queued_.reserve(kBatch);
  messages_.resize(kBatch);
  parts_.resize(2 * kBatch);
  for (size_t i = 0; i < kBatch; ++i) messages_[i].msg_hdr.msg_iov = &parts_[2 * i];
}

void PacketPort::open_ring(const std::string& device, size_t frame_bytes, size_t ring_bytes) {
  ring_bytes_ = std::max(ring_bytes / kBlockBytes, size_t{1}) * kBlockBytes;
  slot_bytes_ =
      (frame_bytes + kSlotOverhead + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT;
  slots_per_block_ = kBlockBytes / slot_bytes_;  // a slot does not cross a block
  slots_ = ring_bytes_ / kBlockBytes * slots_per_block_;
  use_.ample = slots_ / 2;
  tpacket_req request{};
  request.tp_block_size = static_cast<unsigned>(kBlockBytes);
  request.tp_block_nr = static_cast<unsigned>(ring_bytes_ / kBlockBytes);
  request.tp_frame_size = static_cast<unsigned>(slot_bytes_);
  request.tp_frame_nr = static_cast<unsigned>(slots_);
  set_option(fd_.get(), PACKET_RX_RING, request, ("a receive ring on " + device).c_str());
  void* mapped = ::mmap(nullptr, ring_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (mapped == MAP_FAILED) throw std::runtime_error(os::error_text("cannot map a receive ring"));
  ring_ = static_cast<uint8_t*>(mapped);
}

void PacketPort::bind_to(const std::string& device) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  if (address.sll_ifindex == 0 ||
      ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    throw std::runtime_error(os::error_text("cannot open device " + device));
  }
}

PacketPort::~PacketPort() {
  if (ring_ != nullptr) ::munmap(ring_, ring_bytes_);
}

bool PacketPort::next(Frame& frame, os::Nanos& came) {
  for (;;) {
    auto* header = reinterpret_cast<tpacket2_hdr*>(slot(at_));
    const std::atomic_ref status(header->tp_status);
    // The kernel fills the slot, then sets the status.
    if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) return false;
    at_ = at_ + 1 == slots_ ? 0 : at_ + 1;
    auto* following = reinterpret_cast<tpacket2_hdr*>(slot(at_));
    __builtin_prefetch(reinterpret_cast<uint8_t*>(following) + header->tp_mac);
    ++use_.taken;
    frame.slot = {&header->tp_status, &use_, false};
    if (header->tp_snaplen != header->tp_len) {
      ++counters_.truncated;
      frame.slot.give_back();
      continue;
    }
    frame.bytes = reinterpret_cast<uint8_t*>(header) + header->tp_mac;
    frame.size = header->tp_len;
    frame.pooled = false;
    std::memcpy(&frame.vnet, frame.bytes - sizeof frame.vnet, sizeof frame.vnet);
    came = os::Nanos{header->tp_sec} * os::kNanosPerSecond + header->tp_nsec;
    // Why: for the kernel a socket is readable until its newest frame is given back.
    frame.slot.may_stay = (std::atomic_ref(following->tp_status).load() & TP_STATUS_USER) != 0;
    status.store(kTaken, std::memory_order_relaxed);
    return true;
  }
}

void PacketPort::send(const Frame& frame) {
  queued_.push_back(frame);
  if (queued_.size() == kBatch) flush();
}

void PacketPort::flush() {
  for (size_t i = 0; i < queued_.size(); ++i) {
    const Frame& f = queued_[i];
    if (f.has_headroom()) {
      uint8_t* whole = f.bytes - sizeof f.vnet;
      std::memcpy(whole, &f.vnet, sizeof f.vnet);
      parts_[2 * i] = {whole, sizeof f.vnet + f.size};
      messages_[i].msg_hdr.msg_iovlen = 1;
    } else {
      parts_[2 * i] = {&queued_[i].vnet, sizeof f.vnet};
      parts_[2 * i + 1] = {f.bytes, f.size};
      messages_[i].msg_hdr.msg_iovlen = 2;
    }
  }
  for (size_t sent = 0; sent < queued_.size();) {
    const int n =
        ::sendmmsg(fd_.get(), &messages_[sent], static_cast<unsigned>(queued_.size() - sent), 0);
    if (n > 0) {
      sent += static_cast<size_t>(n);
      counters_.sent += static_cast<uint64_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    ++counters_.send_errors;
    ++sent;  // this one is lost, and said to be; the rest is tried
  }
  for (const Frame& frame : queued_) pool_->give(frame);
  queued_.clear();
}

PacketPort::Counters PacketPort::counters() {
  tpacket_stats stats{};
  socklen_t length = sizeof stats;
  // Reading sets the kernel's counters back.
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
    counters_.arrived += stats.tp_packets;
    counters_.ring_drops += stats.tp_drops;
  }
  return counters_;
}

}  // namespace mirrorlab::wirebox
