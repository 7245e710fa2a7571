// What a run leaves in its directory: named in the result, and removed where the scenario does not
// want it kept.
#pragma once

#include <map>
#include <string>

#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// The files that are there when the run is over, by what they are ("online_capture",
// "sessions.copy", "recording.online.web" ...), as paths. Those that `scenario.artifacts` does not
// keep for a run that `passed` or not are removed.
[[nodiscard]] std::map<std::string, std::string> settle_artifacts(
    const scenario::Scenario& scenario, const std::string& out, bool passed);

}  // namespace mirrorlab::cli
