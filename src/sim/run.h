// One seed from settings to verdict, and the shortest list of faults that still breaks it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/fault.h"
#include "sim/judge.h"
#include "sim/scenario.h"
#include "sim/tamper.h"

namespace mirrorlab::sim {

struct RunOptions {
  bool trace = false;
  std::optional<std::vector<Fault>> only;  // no other faults
  // For tests that break the engine on purpose.
  Tamper tamper;
  std::function<void(engine::Config&)> configure;
  std::function<void()> before_each;
};

struct Outcome {
  uint64_t seed = 0;
  Features features = 0;
  std::vector<Violation> violations;
  std::vector<Fault> faults;  // that happened
  std::string trace;
  uint64_t digest = 0;
  uint64_t events = 0;
  uint64_t exact_streams = 0;    // judged byte for byte, close for close
  uint64_t excused_streams = 0;  // something unavoidable befell them
  uint64_t turns = 0;
  Nanos lasted = 0;
  [[nodiscard]] bool passed() const { return violations.empty(); }
};

[[nodiscard]] Outcome run_seed(uint64_t seed, const Scenario& scenario, const RunOptions& options);

// Delta debugging (Zeller, Hildebrandt 2002) over the faults of a failed run: no single one of what
// is left can be taken away without the run passing, unless 500 runs were not enough. `tried` is
// told the number of faults left.
[[nodiscard]] Outcome shrink(const Outcome& failed, const Scenario& scenario,
                             const RunOptions& options,
                             const std::function<void(size_t)>& tried = {});

}  // namespace mirrorlab::sim
