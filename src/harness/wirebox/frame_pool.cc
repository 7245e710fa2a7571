#include "harness/wirebox/frame_pool.h"

#include <cstring>

namespace mirrorlab::wirebox {

void FramePool::grow(size_t kind) {
  if (allocated_ + kChunkBytes > limit_) return;
  const size_t slot = kHeadroom + (kind == 0 ? kSmallBytes : kLargeBytes);
  chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(kChunkBytes));
  allocated_ += kChunkBytes;
  for (size_t at = 0; at + slot <= kChunkBytes; at += slot) {
    free_[kind].push_back(chunks_.back().get() + at + kHeadroom);
  }
}

uint8_t* FramePool::take(size_t size) {
  if (size > kLargeBytes) return nullptr;
  const size_t kind = size <= kSmallBytes ? 0 : 1;
  auto& free = free_[kind];
  if (free.empty()) grow(kind);
  if (free.empty()) return nullptr;
  uint8_t* bytes = free.back();
  free.pop_back();
  return bytes;
}

void FramePool::give(const Frame& frame) {
  if (frame.slot) return frame.slot.give_back();
  if (frame.pooled) free_[frame.size <= kSmallBytes ? 0 : 1].push_back(frame.bytes);
}

Frame FramePool::copy(const Frame& frame) {
  Frame f = frame;
  f.slot = {};
  f.bytes = take(frame.size);
  f.pooled = f.bytes != nullptr;
  if (f.pooled) std::memcpy(f.bytes, frame.bytes, frame.size);
  return f;
}

}  // namespace mirrorlab::wirebox
