// The command that drives one traffic of the scenario.
#pragma once

#include <nlohmann/json.hpp>

#include "harness/cli/lab_context.h"
#include "harness/cli/topology.h"

namespace mirrorlab::cli {

// Where the built-in clients of a traffic say what they have done so far.
[[nodiscard]] std::string progress_file(const LabContext& lab, const std::string& traffic);
[[nodiscard]] std::vector<std::string> traffic_command(const LabContext& lab,
                                                       const Topology& topology,
                                                       const scenario::Traffic& traffic);
// Adds the figures that a built-in client printed to those of the others.
void add_traffic_figures(nlohmann::json& sum, const nlohmann::json& more);

}  // namespace mirrorlab::cli
