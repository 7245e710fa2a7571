#include "harness/cli/up.h"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>

#include "harness/cli/hands_on.h"
#include "harness/cli/interruption.h"
#include "harness/cli/lab.h"
#include "harness/cli/lab_door.h"
#include "harness/cli/out_directory.h"
#include "harness/cli/requirements.h"

namespace mirrorlab::cli {

int up(scenario::Scenario s, const UpOptions& o) {
  const auto breakpoints = scenario::parse_breaks(o.breakpoints, s);
  if (!breakpoints) {
    std::cerr << "mirrorlab: --break: " << breakpoints.error() << '\n';
    return 2;
  }
  if (const auto missing = missing_for(s, o.programs); !missing.empty()) {
    std::cerr << "mirrorlab: " << missing << '\n';
    return 77;
  }
  for (auto& link : s.links) link.impaired = true;
  const Interruption interruption;
  const std::string out = o.out.empty() ? "mirrorlab-out/" + s.name : o.out;
  if (auto ready = make_run_directory(out); !ready) {
    std::cerr << "mirrorlab: " << ready.error() << '\n';
    return 2;
  }
  std::optional<SessionWatch> held_watch;  // the laboratory's links use it
  bool well = false;
  std::unique_ptr<Lab> lab;
  try {
    lab = std::make_unique<Lab>(s, out, o.programs, interruption);
    SessionWatch& watch = held_watch.emplace(lab->context());
    for (const auto& expression : *breakpoints) watch.add(expression);
    lab->build();
    lab->topology().gate().watch([&](const wirebox::Arrival& a) {
      lab->see(a);
      return watch.see(a);
    });
    lab->start_services();
    lab->start_engines();
    const LabDoor door({s.name, s.variant, lab->context().out}, lab->spaces());
    HandsOn hands_on(*lab, watch, interruption, door.id());
    if (!o.idle) hands_on.enter(o.traffic ? "traffic start" : "play");
    well = hands_on.run();
  } catch (const std::exception& e) {
    std::cerr << "mirrorlab: " << e.what() << '\n';
    if (lab) std::cerr << lab->describe_processes();
    return interruption.happened() ? 130 : 3;
  }
  if (interruption.happened()) return 130;
  return well || ::isatty(STDIN_FILENO) == 1 ? 0 : 2;
}

}  // namespace mirrorlab::cli
