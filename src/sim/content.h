// Stream bytes that know their place: a byte depends on its stream and its offset, so that a byte
// in the wrong place is as visible as a wrong byte.
#pragma once

#include <cstdint>

#include "sim/random.h"
#include "wire/bytes.h"

namespace mirrorlab::sim {

class Content {
 public:
  explicit constexpr Content(uint64_t stream) : key_(mix(stream)) {}

  [[nodiscard]] constexpr uint8_t at(int64_t offset) const {
    const auto o = static_cast<uint64_t>(offset);
    return static_cast<uint8_t>(mix(key_, o / 8) >> (o % 8 * 8));
  }
  void fill(int64_t offset, wire::MutableBytes out) const {
    each(offset, out.size(), [&](size_t i, uint8_t byte) {
      out[i] = byte;
      return true;
    });
  }
  // Index of the first byte that differs, or -1.
  [[nodiscard]] int64_t mismatch(int64_t offset, wire::Bytes data) const {
    int64_t wrong = -1;
    each(offset, data.size(), [&](size_t i, uint8_t byte) {
      if (data[i] == byte) return true;
      wrong = static_cast<int64_t>(i);
      return false;
    });
    return wrong;
  }

 private:
  template <typename Visit>
  void each(int64_t offset, size_t count, Visit visit) const {
    auto o = static_cast<uint64_t>(offset);
    uint64_t word = mix(key_, o / 8) >> (o % 8 * 8);
    for (size_t i = 0; i < count; ++i) {
      if (!visit(i, static_cast<uint8_t>(word))) return;
      word >>= 8U;
      if (++o % 8 == 0) word = mix(key_, o / 8);
    }
  }
  uint64_t key_;
};

}  // namespace mirrorlab::sim
