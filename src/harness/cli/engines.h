// How the engines of a scenario are run: ours, or any other programs in their roles.
#pragma once

#include <nlohmann/json.hpp>

#include "harness/cli/lab_context.h"
#include "harness/cli/program.h"

namespace mirrorlab::cli {

// Files of one run of an engine; every run has its own, so that a restart overwrites nothing.
[[nodiscard]] std::string counters_file(const LabContext& lab, const std::string& engine, int run);
[[nodiscard]] std::string session_log_file(const LabContext& lab, const std::string& engine,
                                           int run);

[[nodiscard]] Program::Spec engine_program(const LabContext& lab, const scenario::Engine& engine);

// What all runs of an engine count together: numbers added up, peaks the highest, `balances` and
// `drained` when all say so. `runs` says how many there were, `runs_without_figures` how many were
// killed before they could write theirs. Null when none wrote any.
[[nodiscard]] nlohmann::json add_up(const std::vector<nlohmann::json>& runs);
// The counters of each run so far; null where a run wrote none.
[[nodiscard]] std::vector<nlohmann::json> read_counters(const LabContext& lab,
                                                        const std::string& engine, int runs);

}  // namespace mirrorlab::cli
