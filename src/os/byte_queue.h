// Bytes in, bytes out, in order: received data that waits until a whole frame is there.
//
// Every byte is moved at most a constant number of times, however large the backlog is.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "wire/bytes.h"

namespace mirrorlab::os {

class ByteQueue {
 public:
  [[nodiscard]] wire::Bytes bytes() const { return {data_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] size_t size() const { return end_ - begin_; }

  // Room for at least `wanted` more bytes; valid until the next call. commit() what was written.
  [[nodiscard]] std::span<uint8_t> room(size_t wanted) {
    if (data_.size() - end_ < wanted) {
      // Moving is paid for by what was consumed: at least as many bytes as are moved.
      if (begin_ > 0 && begin_ >= size()) compact();
      if (data_.size() - end_ < wanted) data_.resize(end_ + wanted);
    }
    return {data_.data() + end_, data_.size() - end_};
  }
  void commit(size_t written) { end_ += written; }
  void consume(size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

 private:
  void compact() {
    std::memmove(data_.data(), data_.data() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  std::vector<uint8_t> data_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace mirrorlab::os
