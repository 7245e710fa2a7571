// splitmix64: the same seed gives the same sizes, texts and think times everywhere.
#pragma once

#include <cstdint>

namespace mirrorlab::traffic {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }
  // Both ends included. The slight favour of small values in huge ranges does not matter here.
  uint64_t between(uint64_t low, uint64_t high) {
    return low >= high ? low : low + next() % (high - low + 1);
  }

 private:
  uint64_t state_;
};

}  // namespace mirrorlab::traffic
