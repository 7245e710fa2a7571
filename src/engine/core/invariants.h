// What must hold of one session after every call (S12).
#pragma once

#include <string>

#include "engine/core/session.h"

namespace mirrorlab::engine {

// What the sessions add up to, for comparison with the account and the pools.
struct SessionSums {
  uint64_t pending = 0, buffered = 0, segments = 0, works = 0, live = 0;
};

// Empty when all holds, else what does not. Adds the session to `sums`.
[[nodiscard]] std::string check_session(const Session& s, SessionSums& sums);

}  // namespace mirrorlab::engine
