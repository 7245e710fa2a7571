#include "harness/cli/up.h"

#include <unistd.h>

#include <atomic>
#include <iostream>
#include <optional>

#include "harness/cli/hands_on.h"
#include "harness/cli/interruption.h"
#include "harness/cli/lab.h"
#include "harness/cli/lab_door.h"
#include "harness/cli/requirements.h"

namespace mirrorlab::cli {

int up(scenario::Scenario s, const UpOptions& o) {
  std::vector<BreakExpression> breakpoints;
  for (const auto& text : o.breakpoints) {
    const auto expression = parse_break(text);
    if (!expression) {
      std::cerr << "mirrorlab: --break: " << expression.error() << '\n';
      return 2;
    }
    breakpoints.push_back(*expression);
  }
  if (const auto missing = missing_for(s, o.programs); !missing.empty()) {
    std::cerr << "mirrorlab: " << missing << '\n';
    return 77;
  }
  for (auto& link : s.links) link.impaired = true;
  std::atomic<bool> interrupted{false};
  const Interruption interruption(interrupted);
  const std::string out = o.out.empty() ? "mirrorlab-out/" + s.name : o.out;
  std::optional<SessionWatch> held_watch;  // the laboratory's links use it
  Lab lab(s, out, o.programs, interrupted);
  SessionWatch& watch = held_watch.emplace(lab.context());
  for (const auto& expression : breakpoints) watch.add(expression);
  bool well = false;
  try {
    lab.build();
    lab.topology().gate().watch([&](const wirebox::Arrival& a) { return watch.see(a); });
    lab.start_services();
    lab.start_engines();
    const LabDoor door({s.name, s.variant, lab.context().out}, lab.spaces());
    HandsOn hands_on(lab, watch, interruption, door.id());
    if (o.traffic) hands_on.enter("traffic start");
    well = hands_on.run();
  } catch (const std::exception& e) {
    std::cerr << "mirrorlab: " << e.what() << '\n' << lab.describe_processes();
    return interrupted ? 130 : 3;
  }
  if (interrupted) return 130;
  return well || ::isatty(STDIN_FILENO) == 1 ? 0 : 2;
}

}  // namespace mirrorlab::cli
