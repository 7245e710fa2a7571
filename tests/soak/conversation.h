// What one client says and hears: requests and answers whose lengths and bytes follow from its
// number, so that both ends know them and nothing is kept.
#pragma once

#include <cstdint>

namespace mirrorlab::soak {

struct Conversation {
  uint32_t id = 0;
  bool small = false;  // answers

  [[nodiscard]] uint64_t mixed(uint64_t n) const {
    uint64_t x = (n + 1) * 0x9e3779b97f4a7c15ULL + id * 0xd1342543de82ef95ULL;
    x ^= x >> 29U;
    return x * 0xbf58476d1ce4e5b9ULL >> 20U;
  }
  [[nodiscard]] uint32_t request_bytes(uint64_t n) const {
    return 1 + static_cast<uint32_t>(mixed(2 * n) % 3000);
  }
  [[nodiscard]] uint32_t answer_bytes(uint64_t n) const {
    return 1 + static_cast<uint32_t>(mixed(2 * n + 1) % (small ? 20'000 : 1'000'000));
  }
  [[nodiscard]] uint8_t byte(int64_t offset) const {
    return static_cast<uint8_t>(static_cast<uint64_t>(offset) * 31 + id * 7);
  }
};

}  // namespace mirrorlab::soak
