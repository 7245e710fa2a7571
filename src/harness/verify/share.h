// One test service that several online services are mirrored to: whose twin is which of its
// connections?
#pragma once

#include <cstdint>
#include <vector>

#include "harness/verify/connections.h"
#include "harness/verify/recorded.h"

namespace mirrorlab::verify {

// For each of the online sides the test side's connections that are its twins, by index and in
// their order. Those that are nobody's go to the first.
[[nodiscard]] std::vector<std::vector<uint32_t>> share_out(
    const Connections& test, const std::vector<const Connections*>& online);

[[nodiscard]] Connections part_of(const Connections& all, const std::vector<uint32_t>& indices);
// The records of these connections; what disagrees is left to whoever has the whole.
[[nodiscard]] Recorded part_of(const Recorded& all, const std::vector<uint32_t>& indices);

}  // namespace mirrorlab::verify
