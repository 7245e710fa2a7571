// Memory that is taken once and used again: no allocation per packet in steady state.
// Not thread-safe; one set of pools belongs to one core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace mirrorlab::engine {

// Objects of one type. Freed objects keep their bytes until they are handed out anew (reset to
// T{}).
template <typename T>
class ObjectPool {
 public:
  T* take() {
    if (free_.empty()) grow();
    T* object = free_.back();
    free_.pop_back();
    *object = T{};
    return object;
  }
  void give_back(T* object) { free_.push_back(object); }
  [[nodiscard]] uint64_t memory_bytes() const {
    return slabs_.size() * kSlab * sizeof(T) + free_.capacity() * sizeof(T*);
  }
  [[nodiscard]] size_t in_use() const { return slabs_.size() * kSlab - free_.size(); }

 private:
  static constexpr size_t kSlab = 256;
  void grow() {
    slabs_.push_back(std::make_unique<T[]>(kSlab));
    free_.reserve(slabs_.size() * kSlab);
    for (size_t i = kSlab; i-- > 0;) free_.push_back(&slabs_.back()[i]);
  }
  std::vector<std::unique_ptr<T[]>> slabs_;
  std::vector<T*> free_;
};

// A counted block of captured bytes; segments that were cut from one packet share it.
struct Buffer {
  uint32_t references;
  uint32_t size_class;
  [[nodiscard]] uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
};

// Buffers by power-of-two size classes, 64 bytes to 1 MiB. Blocks above 64 KiB go back to the
// system when freed; smaller ones are kept, thus the pool never holds more than its peak.
class BufferPool {
 public:
  BufferPool() = default;
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  static constexpr size_t kMaxBytes = 1U << 20U;
  // `bytes` at most kMaxBytes. One reference.
  [[nodiscard]] Buffer* take(size_t bytes);
  static void add_reference(Buffer* buffer) { ++buffer->references; }
  void release(Buffer* buffer);
  [[nodiscard]] uint64_t memory_bytes() const { return memory_bytes_; }
  [[nodiscard]] size_t in_use() const { return in_use_; }

 private:
  static constexpr size_t kClasses = 15;
  static constexpr size_t kKeptClasses = 11;  // up to 64 KiB
  static size_t class_bytes(size_t c) { return size_t{64} << c; }
  std::array<std::vector<Buffer*>, kClasses> free_;
  uint64_t memory_bytes_ = 0;
  size_t in_use_ = 0;
};

}  // namespace mirrorlab::engine
