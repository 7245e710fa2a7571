// mirrorlab explain: a scenario in words before it runs - topology, services, engines, traffic,
// timeline, conditions.
#pragma once

#include <string>

#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// "delay 5ms, loss 1%"; "clean" when nothing is set.
[[nodiscard]] std::string describe(const scenario::Impairments& impairments);
// Throws std::runtime_error when two nodes that must talk to each other have no path.
[[nodiscard]] std::string explain(const scenario::Scenario& scenario);

}  // namespace mirrorlab::cli
