// mirrorlab run: one scenario from file to verdict.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/fault_file.h"
#include "harness/report/result.h"
#include "harness/scenario/break_expression.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

struct RunOptions {
  std::string out;                    // directory for result.json, logs and captures
  std::string programs;               // directory of the three programs
  bool json = false;                  // progress stays off standard output
  const FaultList* replay = nullptr;  // faults of the links, in place of chance
  bool keep = false;                  // one that does not pass stays up, with a prompt
  std::vector<scenario::BreakExpression> breakpoints;  // everything stops there, with a prompt
  bool control = false;                                // the same traffic without engines first
  bool verbose = false;  // the whole ledger in the report, also when it balances
};

[[nodiscard]] report::Result run_scenario(const scenario::Scenario& scenario,
                                          const RunOptions& options);

}  // namespace mirrorlab::cli
