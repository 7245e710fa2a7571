// S13 at start: which test endpoints may be mirrored to at all.
#pragma once

#include <string>
#include <vector>

#include "engine/core/config.h"

namespace mirrorlab::engine {

// Empty, or why mirroring by these mappings could reach the online service or the wrong hosts: a
// test endpoint that a mapping also takes for the online service while its address is this host's,
// or one that is multicast or broadcast.
[[nodiscard]] std::string unsafe_mapping(const std::vector<Mapping>& mappings);

}  // namespace mirrorlab::engine
