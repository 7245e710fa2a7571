// Evidence beside the taps: what engines and services wrote, and what is left on the test host.
// Each fills its part of the evidence; they throw std::runtime_error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/cli/lab_context.h"
#include "harness/cli/lab_wait.h"
#include "harness/cli/program.h"
#include "harness/cli/topology.h"
#include "harness/verify/evidence.h"

namespace mirrorlab::cli {

// The pairs of services that the copy engines of a scenario mirror.
[[nodiscard]] std::vector<verify::MirroredService> mirrored_services(
    const scenario::Scenario& scenario, const Plan& plan);
// What a copy engine's options say of how long it bears silence, in ns; nothing: its default.
[[nodiscard]] std::optional<int64_t> idle_timeout(const std::vector<std::string>& options);
// Which services are compared, and by which rules.
void name_services(const LabContext& lab, verify::Evidence& evidence);
// Connections still open on the test host. The last closes get a moment; those whose FIN is not
// acked yet, and is thus repeated, get the scenario's drain time.
void count_leftovers(const LabContext& lab, const Topology& topology, const FindProgram& find,
                     LabWait& wait, verify::Evidence& evidence);
// Figures, session logs and outages of engines that have ended.
void collect_engines(const LabContext& lab, const FindProgram& find, verify::Evidence& evidence);
// Ends the built-in services and reads their recordings.
void collect_recordings(const LabContext& lab, const FindProgram& find, verify::Evidence& evidence);

}  // namespace mirrorlab::cli
