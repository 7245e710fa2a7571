// mirrorlab compare: the same scenarios with our engines and with another pair of programs in their
// roles, side by side in one table.
#pragma once

#include <string>
#include <vector>

#include "harness/report/outcome.h"
#include "harness/scenario/engines_file.h"

namespace mirrorlab::cli {

struct CompareOptions {
  std::string with;      // an engines file
  std::string out;       // empty: mirrorlab-out/compare
  std::string programs;  // directory of the three programs
};

// Each scenario as it is, then played by the others: what is run, in this order.
[[nodiscard]] std::vector<scenario::Scenario> both_ways(
    const std::vector<scenario::Scenario>& scenarios, const scenario::EnginesFile& engines);

// A line per run: what was mirrored, what it cost, what the online clients saw. `outcomes` are
// those of both_ways().
[[nodiscard]] std::string comparison(const std::vector<report::Outcome>& outcomes,
                                     const scenario::EnginesFile& engines);

// 0 when every run came to an end with figures, whatever they are; 77 when the other programs are
// not here; else as a batch.
int run_comparison(const std::vector<scenario::Scenario>& scenarios, const CompareOptions& options);

}  // namespace mirrorlab::cli
