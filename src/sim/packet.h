// A packet on its way, and where in the virtual network it is.
#pragma once

#include <cstdint>
#include <vector>

#include "wire/packet.h"

namespace mirrorlab::sim {

enum class Hop : uint8_t {
  client_to_online,
  online_to_client,
  capture,  // arrival at the online host -> engine
  engine_to_test,
  test_to_intercept,
  header_return,  // intercept -> engine
  count_
};
[[nodiscard]] const char* to_string(Hop hop);

inline constexpr uint32_t kNoStream = UINT32_MAX;

struct Packet {
  wire::TcpHeader header;
  std::vector<uint8_t> payload;
  uint32_t stream = kNoStream;  // of the client that sent it; the engine is not told
};

}  // namespace mirrorlab::sim
