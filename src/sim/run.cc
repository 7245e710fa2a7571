#include "sim/run.h"

#include <algorithm>

#include "sim/world.h"

namespace mirrorlab::sim {

Outcome run_seed(uint64_t seed, const Scenario& scenario, const RunOptions& options) {
  Settings settings = make_settings(seed, scenario);
  if (options.configure) options.configure(settings.core);
  if (options.before_each) options.before_each();
  FaultPlan plan(settings.seed);
  if (options.only) plan.allow_only(*options.only);
  Trace trace(options.trace);
  World world(settings, plan, trace, options.tamper);
  world.run();
  Outcome out;
  out.seed = seed;
  out.features = settings.features;
  out.violations = world.judge().violations();
  out.faults = plan.applied();
  out.trace = trace.text();
  out.digest = trace.digest();
  out.events = world.events();
  out.exact_streams = world.judge().exact_streams();
  out.excused_streams = world.judge().excused_streams();
  out.turns = world.counters().turns;
  out.lasted = world.now();
  return out;
}

Outcome shrink(const Outcome& failed, const Scenario& scenario, const RunOptions& options,
               const std::function<void(size_t)>& tried) {
  constexpr int kMostRuns = 500;
  Outcome best = failed;
  RunOptions o = options;
  o.trace = false;
  int runs = 0;
  const auto fails = [&](const std::vector<Fault>& faults) {
    ++runs;
    o.only = faults;
    Outcome out = run_seed(failed.seed, scenario, o);
    if (tried) tried(best.faults.size());
    if (out.passed()) return false;
    best = std::move(out);
    return true;
  };
  const auto minimal = [&] {
    if (!options.trace) return best;
    o.trace = true;
    o.only = best.faults;
    return run_seed(failed.seed, scenario, o);
  };
  if (fails({})) return minimal();
  for (size_t parts = 2; best.faults.size() > 1 && runs < kMostRuns;) {
    const std::vector<Fault> now = best.faults;
    const size_t size = std::max<size_t>(1, now.size() / parts);
    bool smaller = false;
    for (size_t from = 0; from < now.size() && !smaller; from += size) {
      std::vector<Fault> without(now.begin(), now.begin() + static_cast<ptrdiff_t>(from));
      const size_t end = std::min(now.size(), from + size);
      without.insert(without.end(), now.begin() + static_cast<ptrdiff_t>(end), now.end());
      // A run with fewer faults may meet others of the list; it must not end with more of them.
      smaller = fails(without) && best.faults.size() < now.size();
    }
    if (smaller) {
      parts = std::max<size_t>(2, parts - 1);
    } else if (size == 1) {
      break;
    } else {
      parts = std::min(parts * 2, now.size());
    }
  }
  return minimal();
}

}  // namespace mirrorlab::sim
