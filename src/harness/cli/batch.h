// Several scenarios, or the variants of one: run in turn, each with its own directory, one summary.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/report/result.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

struct BatchOptions {
  std::string out;       // empty: mirrorlab-out/NAME
  std::string programs;  // directory of the three programs
  bool json = false;     // results as JSON on standard output
};

// Where the files of one run go. Variants of a matrix get a directory each; so do scenarios when
// several are run into one `out`.
[[nodiscard]] std::string run_directory(const BatchOptions& options, const scenario::Scenario& run,
                                        bool several_scenarios);

// What a batch ends with: interrupted, then failed, then error or inconclusive, then skipped (when
// nothing ran), then passed.
[[nodiscard]] int combined_exit_code(const std::vector<int>& codes);

// The summary of a matrix: schema_version, scenario, verdict, reason, variants[].
[[nodiscard]] nlohmann::json matrix_summary(const std::vector<report::Result>& variants);

// Runs all of them and prints each result; the exit code.
int run_batch(const std::vector<scenario::Scenario>& all, const BatchOptions& options);

}  // namespace mirrorlab::cli
