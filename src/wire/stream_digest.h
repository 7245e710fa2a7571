// A 64-bit digest of a byte stream that does not depend on how the stream was cut into pieces.
//
// For telling equal streams from different ones, not against an adversary. Two services that record
// a stream and a tap that saw it on the wire come to the same number.
#pragma once

#include <cstdint>
#include <cstring>

#include "wire/bytes.h"

namespace mirrorlab::wire {

class StreamDigest {
 public:
  void add(Bytes data) {
    length_ += data.size();
    size_t at = 0;
    while (at < data.size() && held_ != 0) add_byte(data[at++]);
    for (; data.size() - at >= 8; at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, data.data() + at, 8);
      mix(word);
    }
    while (at < data.size()) add_byte(data[at++]);
  }
  [[nodiscard]] uint64_t value() const {
    StreamDigest last = *this;
    last.mix(word_);
    last.mix(length_);
    return last.state_;
  }
  [[nodiscard]] uint64_t length() const { return length_; }

 private:
  void add_byte(uint8_t byte) {
    word_ |= uint64_t{byte} << (8 * held_);
    if (++held_ < 8) return;
    mix(word_);
    word_ = 0;
    held_ = 0;
  }
  // The finalizer of splitmix64 over a running state: a bijection, so that no word is forgotten.
  void mix(uint64_t word) {
    uint64_t z = (state_ ^ word) + 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    state_ = z ^ z >> 31;
  }

  uint64_t state_ = 0x6d6972726f726c62ULL;
  uint64_t word_ = 0;  // bytes that do not fill a word yet, little-endian
  uint64_t length_ = 0;
  unsigned held_ = 0;
};

}  // namespace mirrorlab::wire
