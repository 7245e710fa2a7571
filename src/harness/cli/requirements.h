// What a scenario needs and this machine lacks: a reason to skip.
#pragma once

#include <string>

#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// Empty, or what cannot be had here and why. Tries only what the scenario asks for.
[[nodiscard]] std::string missing_for(const scenario::Scenario& scenario,
                                      const std::string& programs);

}  // namespace mirrorlab::cli
