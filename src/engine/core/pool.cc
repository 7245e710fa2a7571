#include "engine/core/pool.h"

#include <new>

namespace mirrorlab::engine {

BufferPool::~BufferPool() {
  for (auto& list : free_) {
    for (Buffer* b : list) ::operator delete(b);
  }
}

Buffer* BufferPool::take(size_t bytes) {
  size_t c = 0;
  while (class_bytes(c) < bytes) ++c;
  ++in_use_;
  Buffer* buffer = nullptr;
  if (!free_[c].empty()) {
    buffer = free_[c].back();
    free_[c].pop_back();
  } else {
    buffer = static_cast<Buffer*>(::operator new(sizeof(Buffer) + class_bytes(c)));
    memory_bytes_ += sizeof(Buffer) + class_bytes(c);
  }
  buffer->references = 1;
  buffer->size_class = static_cast<uint32_t>(c);
  return buffer;
}

void BufferPool::release(Buffer* buffer) {
  if (--buffer->references != 0) return;
  --in_use_;
  const size_t c = buffer->size_class;
  if (c < kKeptClasses) {
    free_[c].push_back(buffer);
    return;
  }
  memory_bytes_ -= sizeof(Buffer) + class_bytes(c);
  ::operator delete(buffer);
}

}  // namespace mirrorlab::engine
