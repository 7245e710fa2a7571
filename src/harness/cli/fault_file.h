// link-faults.json: what the link stages of a run did to packets, by name, to be done again
// (mirrorlab run --replay, mirrorlab shrink).
//
// Nothing of a file is believed: what is wrong with it is an error that names the place.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/wirebox/link.h"

namespace mirrorlab::cli {

struct LinkFault {
  std::string link;
  wirebox::Fault fault;
};

struct FaultList {
  std::string name, path, variant;  // of the scenario
  uint64_t seed = 0;
  // Faults that happened and are not listed: there were too many, or a link forgot its flows.
  uint64_t missing = 0;
  std::vector<LinkFault> faults;
};

inline constexpr const char* kFaultFile = "link-faults.json";

// What was done in a run, sorted by name (so that two runs compare); what the box did itself is
// left out.
[[nodiscard]] std::vector<LinkFault> faults_of(const std::vector<wirebox::Figures>& links);
// How many happened that faults_of() cannot name.
[[nodiscard]] uint64_t missing_faults(const std::vector<wirebox::Figures>& links);

[[nodiscard]] std::string to_json_text(const FaultList& list);
// `place`: the file itself, the result.json beside it, or their directory.
[[nodiscard]] tl::expected<FaultList, std::string> read_faults(const std::string& place);

// For people: one line.
[[nodiscard]] std::string fault_text(const LinkFault& fault);

}  // namespace mirrorlab::cli
