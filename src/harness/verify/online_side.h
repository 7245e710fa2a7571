// What the online services did by themselves, from their tap alone: requests and answer times.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/verify/evidence.h"

namespace mirrorlab::verify {

struct OnlineSide {
  uint64_t requests = 0;
  double p50_ms = 0, p99_ms = 0;  // from the last byte of a turn to the first of its answer
};

[[nodiscard]] OnlineSide online_side(const PacketLog& log,
                                     const std::vector<MirroredService>& services);

}  // namespace mirrorlab::verify
