// Fetching into the cache what will be needed soon.
#pragma once

#include <cstddef>

namespace mirrorlab::engine {

inline constexpr size_t kCacheLine = 64;  // bytes

// The line at `address`, to be written.
inline void prefetch(const void* address) {
  __builtin_prefetch(address, 1);
  // Why: GCC takes a function that does nothing but this for one without effects, and leaves out
  // its calls.
  asm volatile("");
}

}  // namespace mirrorlab::engine
