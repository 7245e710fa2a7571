// The only source of chance in the simulator: the same seed gives the same numbers on every
// machine. (The distributions of <random> differ between libraries, so none is used.)
#pragma once

#include <bit>
#include <cstdint>

namespace mirrorlab::sim {

// SplitMix64 finalizer: a 64-bit mix without fixed points of note.
[[nodiscard]] constexpr uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}
[[nodiscard]] constexpr uint64_t mix(uint64_t a, uint64_t b) {
  return mix(a + 0x9e3779b97f4a7c15ULL * (b + 1));
}

class Random {
 public:
  explicit constexpr Random(uint64_t seed) : state_(mix(seed ^ 0x6d6972726f726c61ULL)) {}
  constexpr uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }
  // Uniform in [0, n); 0 when n is 0.
  constexpr uint64_t below(uint64_t n) { return n == 0 ? 0 : next() % n; }
  // Uniform in [low, high].
  constexpr int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
  }
  constexpr bool chance(uint32_t percent) { return below(100) < percent; }
  // In [low, high], every order of magnitude about as likely as any other.
  constexpr int64_t skewed(int64_t low, int64_t high) {
    const auto bits = std::bit_width(static_cast<uint64_t>(high - low));
    const auto top = (uint64_t{1} << below(static_cast<uint64_t>(bits) + 1)) - 1;
    const auto n = static_cast<int64_t>(below(top + 1));
    return low + n > high ? high : low + n;
  }

 private:
  uint64_t state_;
};

}  // namespace mirrorlab::sim
