// An Ethernet frame with what the kernel says beside it (unfinished checksum, super-packet).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wire/bytes.h"
#include "wire/flow.h"

namespace mirrorlab::wirebox {

// struct virtio_net_hdr of the kernel, whose header (linux/virtio_net.h) is no C++.
struct VnetHeader {
  static constexpr uint8_t kNeedsChecksum = 1;
  uint8_t flags = 0;
  uint8_t gso_type = 0;  // 0: no super-packet
  uint16_t header_bytes = 0;
  uint16_t gso_size = 0;  // payload of each segment
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);

// How much of a receive ring is in use.
struct RingUse {
  size_t taken = 0;  // slots read and not given back
  size_t ample = 0;  // as long as fewer are taken, frames may wait where they are
};

// The slot of a receive ring in which a frame lies.
struct RingSlot {
  uint32_t* status = nullptr;  // null: none
  RingUse* use = nullptr;
  bool may_stay = false;  // a poll of the socket blocks though this slot is not given back

  [[nodiscard]] explicit operator bool() const { return status != nullptr; }
  void give_back() const;
};

struct Frame {
  uint8_t* bytes = nullptr;  // not owned
  uint32_t size = 0;
  VnetHeader vnet{};
  // Who gets `bytes` back once the frame is sent (FramePool::give()): a pool, a ring, or nobody.
  bool pooled = false;
  RingSlot slot{};

  [[nodiscard]] wire::Bytes view() const { return {bytes, size}; }
  [[nodiscard]] bool is_super_packet() const { return vnet.gso_type != 0; }
  // Room for a VnetHeader right before `bytes`, so that both are sent as one piece.
  [[nodiscard]] bool has_headroom() const { return pooled || slot; }
};

inline constexpr size_t kEthernetBytes = 14;

// What of an IP packet the link stage looks at.
struct IpInfo {
  wire::FlowKey flow;  // as in the packet: client is its source
  uint8_t protocol = 0;
  bool opens = false;  // a SYN without ACK
  uint32_t seq = 0;
  size_t transport = 0;  // where TCP, UDP ... begins in the frame
};

// Empty for what passes a link unharmed: ARP, neighbour discovery, anything but IP, and frames too
// short for what they claim to be.
[[nodiscard]] std::optional<IpInfo> inspect(wire::Bytes frame);

// Completes a checksum that the sender's stack left to its device.
void finish_checksum(Frame& frame);
// Flips one bit that a checksum covers: of the IP packet, for IPv6 of what follows its header
// (which has no checksum of its own). The frame's checksum must be finished.
void flip_bit(Frame& frame, const IpInfo& info, uint64_t random);

}  // namespace mirrorlab::wirebox
