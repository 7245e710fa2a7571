// What the engines say of themselves, against the evidence.
#pragma once

#include <string>
#include <vector>

#include "harness/verify/evidence.h"

namespace mirrorlab::verify {

// What the evidence says of the same things.
struct Measured {
  uint64_t sessions = 0;         // online, whole ones
  uint64_t sessions_joined = 0;  // online, of which the tap saw no SYN
  uint64_t exact = 0;
  // After which a session may be captured anew, and may be mirrored in several parts.
  uint64_t silences_broken = 0, silent_connections = 0;
  uint64_t online_bytes = 0;
  uint64_t online_bytes_beyond_holes = 0;
  uint64_t covered_bytes = 0;
  uint64_t test_retransmitted = 0;
};

// Each way in which the copy engine's account contradicts the evidence, or itself.
[[nodiscard]] std::vector<std::string> check_account(const Evidence& evidence,
                                                     const Measured& measured);

}  // namespace mirrorlab::verify
