// What a fuzz target does when something that must hold does not: it says what, and aborts.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace mirrorlab::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}
inline void require_empty(const std::string& wrong) {
  if (!wrong.empty()) require(false, wrong.c_str());
}

}  // namespace mirrorlab::fuzz

// Defined by each target: libFuzzer calls it, and so does replay_main.cc.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
