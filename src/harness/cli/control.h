// The control run: the same traffic, faults of hosts and links, and taps, but no engines. What the
// online service then does is what mirroring is measured by.
#pragma once

#include <string>

#include "harness/cli/interruption.h"
#include "harness/report/result.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// The scenario without its engines, and without what the timeline does to them; without all of the
// timeline where `control:` says so.
[[nodiscard]] scenario::Scenario without_engines(const scenario::Scenario& scenario);

// So many runs as `control:` says (one without it); their files go to `out`/control and
// `out`/control-2 ... Throws std::runtime_error.
[[nodiscard]] report::Control run_control(const scenario::Scenario& scenario,
                                          const std::string& out, const std::string& programs,
                                          const Interruption& interruption);

// Figures of both runs side by side, once the run with engines has its own.
void add_control_metrics(const report::Control& control, report::Result& result);

}  // namespace mirrorlab::cli
