// Memory for frames that wait in a link: two sizes of slots, kept for use again. Bounded. Before
// each slot there is room for a VnetHeader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "harness/wirebox/frame.h"

namespace mirrorlab::wirebox {

class FramePool {
 public:
  static constexpr size_t kSmallBytes = 2048;
  static constexpr size_t kLargeBytes = 68 * 1024;  // a super-packet

  explicit FramePool(size_t limit_bytes = size_t{256} << 20U) : limit_(limit_bytes) {}
  // Memory for `size` bytes (at most kLargeBytes), or null when the limit is reached.
  [[nodiscard]] uint8_t* take(size_t size);
  // Takes back a frame's memory, or gives its slot back to the ring it lies in.
  void give(const Frame& frame);
  // A copy of `frame` in the pool, which leaves `frame` as it is; its bytes are null when the limit
  // is reached.
  [[nodiscard]] Frame copy(const Frame& frame);

 private:
  static constexpr size_t kHeadroom = 16;
  static constexpr size_t kChunkBytes = size_t{1} << 20U;
  void grow(size_t kind);

  size_t limit_;
  size_t allocated_ = 0;
  std::array<std::vector<uint8_t*>, 2> free_;  // small, large
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
};

}  // namespace mirrorlab::wirebox
