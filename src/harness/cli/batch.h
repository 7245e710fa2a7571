// Several scenarios, or the variants of one: run side by side, each with its own processes,
// namespaces and directory; printed in the order they were named; one summary.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/fault_file.h"
#include "harness/report/outcome.h"
#include "harness/scenario/break_expression.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

enum class Output : unsigned char { text, json, tap };

struct BatchOptions {
  std::string out;       // empty: mirrorlab-out/NAME
  std::string programs;  // directory of the three programs
  Output output = Output::text;
  unsigned jobs = 1;
  unsigned repeat = 1;   // each run so often, or until it does not pass
  bool control = false;  // a control run for each
  bool verbose = false;  // the whole report of passed runs, too
  bool keep = false;     // a run that did not pass stays up, with a prompt
  std::vector<scenario::BreakExpression>
      breakpoints;                    // at which everything is stopped, with a prompt
  std::string junit;                  // file; empty: none
  const FaultList* replay = nullptr;  // faults of the links, in place of chance
};

// Where the files of one run go. Variants of a matrix get a directory each; so do scenarios when
// several are run into one `out`.
[[nodiscard]] std::string run_directory(const BatchOptions& options, const scenario::Scenario& run,
                                        bool several_scenarios);

// What a batch ends with: interrupted, then failed, then error or inconclusive, then skipped (when
// nothing ran), then passed.
[[nodiscard]] int combined_exit_code(const std::vector<int>& codes);

// The summary of a matrix: schema_version, scenario, verdict, reason, variants[].
[[nodiscard]] nlohmann::json matrix_summary(const std::vector<report::Outcome>& variants);

// Runs all of them and prints each result; the exit code.
int run_batch(const std::vector<scenario::Scenario>& all, const BatchOptions& options);

}  // namespace mirrorlab::cli
