// The verdict on a run, from evidence the engines had no hand in (docs/VERIFIER.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/verify/evidence.h"

namespace mirrorlab::verify {

struct Check {
  std::string name;
  bool passed = false;
  bool required = true;  // fails the run by itself; else it only informs, and expectations decide
  std::string detail;    // what was found; for a failed check, where
};

struct Lost {
  std::string reason;
  std::string hop;  // "capture", "online>test", "test", "copy"
  uint64_t sessions = 0;
  uint64_t bytes = 0;
  std::string example;  // one session of it
};

struct Report {
  std::map<std::string, double> metrics;  // names and units: docs/VERIFIER.md
  std::vector<Check> checks;
  std::vector<Lost> lost;
  std::string inconclusive;  // evidence that the box itself spoilt the run; empty: none

  [[nodiscard]] const Check* check(std::string_view name) const;
  [[nodiscard]] double metric(std::string_view name) const;  // 0 where there is none
};

// Fails when evidence is missing or cannot be read.
[[nodiscard]] tl::expected<Report, std::string> verify(const Evidence& evidence);

}  // namespace mirrorlab::verify
