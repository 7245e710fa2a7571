// mirrorlab up: a scenario's topology, services and engines, kept alive with a prompt.
#pragma once

#include <string>
#include <vector>

#include "harness/scenario/model.h"

namespace mirrorlab::cli {

struct UpOptions {
  std::string out;       // directory for logs; empty: mirrorlab-out/NAME
  std::string programs;  // directory of the three programs
  std::vector<std::string> breakpoints;
  bool traffic = false;  // traffic alone, without the timeline
  bool idle = false;     // nothing begins before it is asked for
};

// Plays the scenario: its traffic and its timeline, each at its time. Every link gets a link stage,
// so that each can be impaired and held.
// 0; 2 when a breakpoint is none or, in a pipe, a command was refused; 3 when it cannot be built,
// 77 when something is missing, 130 when interrupted.
int up(scenario::Scenario scenario, const UpOptions& options);

}  // namespace mirrorlab::cli
