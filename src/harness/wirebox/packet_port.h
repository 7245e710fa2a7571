// A device of the wirebox namespace as a packet socket: frames are read in place from a receive
// ring (TPACKET_V2: each frame is visible at once, and the ring is not bounded by rmem_max) and
// sent in batches. Offloaded super-packets and unfinished checksums pass as they are
// (PACKET_VNET_HDR).
//
// Threads: one at a time.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <string>
#include <vector>

#include "harness/wirebox/frame.h"
#include "harness/wirebox/frame_pool.h"
#include "os/clock.h"
#include "os/fd.h"

namespace mirrorlab::wirebox {

class PacketPort {
 public:
  // The memory of a ring that holds some tens of milliseconds of a flood: 20,000 frames of 1500
  // bytes, or 1,900 super-packets.
  [[nodiscard]] static size_t ample_ring_bytes(size_t frame_bytes) {
    return frame_bytes > kBlockBytes / 64 ? size_t{128} << 20U : size_t{32} << 20U;
  }
  // Opens `device` of the caller's network namespace for frames of up to `frame_bytes`; at least
  // 1 MiB of ring. Throws std::runtime_error.
  PacketPort(const std::string& device, size_t frame_bytes, size_t ring_bytes);
  ~PacketPort();
  PacketPort(const PacketPort&) = delete;
  PacketPort& operator=(const PacketPort&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  // The next received frame and when it came (wall clock); its slot is the caller's to give back,
  // in any order. False when there is none.
  bool next(Frame& frame, os::Nanos& came);

  // Queues a frame; a full batch is sent at once.
  void send(const Frame& frame);
  // Sends what is queued; pooled frames go back to `pool`.
  void flush();
  void set_pool(FramePool& pool) { pool_ = &pool; }

  // What the kernel says of this socket, and how sending went; adds up since the port was opened.
  struct Counters {
    uint64_t arrived = 0;     // frames the socket saw: read, not yet read, truncated or dropped
    uint64_t ring_drops = 0;  // of them, no room in the ring: the box was too slow
    uint64_t truncated = 0;   // of them, larger than a slot
    uint64_t sent = 0;
    uint64_t send_errors = 0;
  };
  [[nodiscard]] Counters counters();

 private:
  static constexpr size_t kBlockBytes = size_t{1} << 20U;
  static constexpr size_t kBatch = 128;
  void open_ring(const std::string& device, size_t frame_bytes, size_t ring_bytes);
  void bind_to(const std::string& device);
  [[nodiscard]] uint8_t* slot(size_t index) const {
    return ring_ + index / slots_per_block_ * kBlockBytes + index % slots_per_block_ * slot_bytes_;
  }

  os::Fd fd_;
  uint8_t* ring_ = nullptr;
  size_t ring_bytes_ = 0;
  size_t slot_bytes_ = 0;
  size_t slots_per_block_ = 0;
  size_t slots_ = 0;
  size_t at_ = 0;  // next slot to read
  RingUse use_;
  FramePool* pool_ = nullptr;
  std::vector<Frame> queued_;
  std::vector<mmsghdr> messages_;
  std::vector<iovec> parts_;
  Counters counters_;
};

}  // namespace mirrorlab::wirebox
