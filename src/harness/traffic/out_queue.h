// What a connection still has to send: texts, and fillers that are never held in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "wire/bytes.h"

namespace mirrorlab::traffic {

// The filler's pattern: `bytes` of it from place `at`, fewer when they end a period of it.
[[nodiscard]] std::string_view filler_pattern(uint64_t at, uint64_t bytes);

enum class SendResult : uint8_t { all, blocked, failed };

class OutQueue {
 public:
  void text(std::string_view text);
  // `bytes` printable bytes of a fixed pattern, begun at place `phase` of it.
  void filler(uint64_t bytes, uint64_t phase);
  // Sends what the socket takes, in writes of at most `write_size` bytes (0: as they come). `sent`
  // is given every byte the kernel took. `failed` leaves the reason in errno.
  SendResult send(int fd, uint64_t write_size, const std::function<void(wire::Bytes)>& sent);
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // Drops what lies beyond the first `bytes`.
  void cut(uint64_t bytes);
  void clear();

 private:
  struct Chunk {
    std::string text;
    uint64_t filler = 0;  // or so many bytes of the pattern
    uint64_t phase = 0;
  };
  [[nodiscard]] uint64_t chunk_size(const Chunk& chunk) const;
  std::deque<Chunk> chunks_;
  uint64_t at_ = 0;  // bytes of the front chunk already sent
  uint64_t size_ = 0;
};

}  // namespace mirrorlab::traffic
