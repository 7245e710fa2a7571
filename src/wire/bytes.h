// Big-endian loads and stores on raw bytes; no alignment needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mirrorlab::wire {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

[[nodiscard]] constexpr uint16_t load16(const uint8_t* p) {
  return static_cast<uint16_t>(p[0] << 8 | p[1]);
}
[[nodiscard]] constexpr uint32_t load32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | uint32_t{p[3]};
}
[[nodiscard]] constexpr uint64_t load64(const uint8_t* p) {
  return uint64_t{load32(p)} << 32 | load32(p + 4);
}
constexpr void store16(uint8_t* p, uint32_t v) {
  p[0] = static_cast<uint8_t>(v >> 8);
  p[1] = static_cast<uint8_t>(v);
}
constexpr void store32(uint8_t* p, uint32_t v) {
  store16(p, v >> 16);
  store16(p + 2, v & 0xffff);
}
constexpr void store64(uint8_t* p, uint64_t v) {
  store32(p, static_cast<uint32_t>(v >> 32));
  store32(p + 4, static_cast<uint32_t>(v));
}

}  // namespace mirrorlab::wire
