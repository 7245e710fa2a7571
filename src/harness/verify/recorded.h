// Recordings laid beside the taps: which recorded connection is which, and where they disagree.
#pragma once

#include <string>
#include <vector>

#include "harness/verify/connections.h"
#include "harness/verify/recording.h"

namespace mirrorlab::verify {

struct Recorded {
  // For each connection of the tap its record, or null: never accepted, or not recorded.
  std::vector<const RecordedConnection*> of;
  uint64_t disagreements = 0;  // records whose bytes are not what the tap saw, or that it never saw
  std::string first_disagreement;
};

// `recording` outlives the result.
[[nodiscard]] Recorded lay_beside(const Recording& recording, const Connections& tap,
                                  const std::string& side);

}  // namespace mirrorlab::verify
