// What the operator is told at the end beside the figures: what was lost, and where to look when
// nothing arrived at all.
#pragma once

#include <string>
#include <vector>

#include "engine/core/account.h"

namespace mirrorlab::engine {

struct Outcome {
  Account account;
  uint64_t captured = 0;     // packets
  uint64_t sent = 0;         // packets
  uint64_t heard = 0;        // header records
  std::string link_failure;  // empty: the header return is up
};

// Lines, none where all went well.
[[nodiscard]] std::vector<std::string> hints(const Outcome& outcome);

}  // namespace mirrorlab::engine
