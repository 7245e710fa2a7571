// mirrorlab shrink: which of the faults of the links a failure needs. Runs the scenario with fewer
// and fewer of them.
#pragma once

#include <string>

#include "harness/cli/fault_file.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

struct ShrinkOptions {
  std::string out;
  std::string programs;
  size_t budget = 60;  // runs
};

// `list`: what a run that failed did; none: it is found by a run of `scenario` first. Writes the
// minimal list to OUT/link-faults.json. 0: found; 3: the failure does not come back by its faults,
// or there is none; 130 when interrupted.
int shrink(const scenario::Scenario& scenario, const FaultList* list, const ShrinkOptions& options);

}  // namespace mirrorlab::cli
