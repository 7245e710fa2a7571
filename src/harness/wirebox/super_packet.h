// A TCP super-packet (segmentation offload) seen as the segments it stands for. A link decides the
// fate of each segment, so that a packet meets the same fate whether offloads joined it to others
// or not; runs of segments that share theirs stay joined.
#pragma once

#include "harness/wirebox/frame.h"
#include "harness/wirebox/frame_pool.h"

namespace mirrorlab::wirebox {

class SuperPacket {
 public:
  // The frame must outlive it. Anything but a TCP super-packet counts as one segment.
  SuperPacket(const Frame& frame, const IpInfo& info);

  [[nodiscard]] uint32_t segments() const { return segments_; }
  // What a piece of `count` segments takes on the wire, cut.
  [[nodiscard]] uint32_t wire_bytes(const Frame& piece, uint32_t count) const {
    return piece.size + (count - 1) * header_;
  }
  // Segments [first, first + count) in pooled memory, a super-packet again when there are several;
  // a single one has its checksum finished. Its bytes are null when the pool is full.
  [[nodiscard]] Frame piece(uint32_t first, uint32_t count, FramePool& pool) const;

 private:
  const Frame& frame_;
  const IpInfo& info_;
  uint32_t header_ = 0;  // bytes before the payload
  uint32_t segments_ = 1;
};

}  // namespace mirrorlab::wirebox
