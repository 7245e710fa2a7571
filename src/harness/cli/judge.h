// From what a run measured to its verdict.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/cli/box_watch.h"
#include "harness/cli/live_watch.h"
#include "harness/report/result.h"
#include "harness/scenario/model.h"
#include "harness/wirebox/link.h"

namespace mirrorlab::cli {

// Figures beside the verifier's that conditions may ask for: clients, durations, engines by id.
void add_metrics(report::Result& result, const std::map<std::string, nlohmann::json>& engines);
void add_link_metrics(const std::vector<wirebox::Figures>& links, report::Result& result);
// What made a run say less than it should, so that it is inconclusive: the harness, not the
// engines.
[[nodiscard]] std::string shortcomings(const std::vector<wirebox::Figures>& links);
// Figures of the box itself; what speaks against judging slow or lossy engines, or nothing.
[[nodiscard]] std::string add_box_metrics(const BoxStrain& strain,
                                          const process::Child::Usage& copy,
                                          report::Result& result);
// NAME.COUNTER for an engine's counters, NAME.GROUP.COUNTER for its other groups of numbers.
void add_engine_metrics(const std::string& name, const nlohmann::json& figures,
                        std::map<std::string, double>& metrics);
// The scenario's conditions, at the end and while the run lasted, and the verifier's checks. `box`:
// of add_box_metrics().
void judge(const scenario::Scenario& scenario, const LiveFindings& live, report::Result& result,
           const std::string& box = {});

}  // namespace mirrorlab::cli
