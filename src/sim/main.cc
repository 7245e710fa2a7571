// Seeds 1..N of every scenario in one small program, which stops at the first failure. ci/mutations
// builds it; people use `mirrorlab sim`.
#include <cstdio>
#include <cstdlib>

#include "sim/run.h"

int main(int argc, char** argv) {
  using namespace mirrorlab::sim;
  const uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 90;
  uint64_t tried = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const Scenario& scenario : scenarios()) {
      ++tried;
      const Outcome out = run_seed(seed, scenario, {});
      if (out.passed()) continue;
      std::printf("%llu\t%s %llu\t%s: %s\n", static_cast<unsigned long long>(tried),
                  std::string(scenario.name).c_str(), static_cast<unsigned long long>(seed),
                  to_string(out.violations[0].check), out.violations[0].text.c_str());
      return 1;
    }
  }
  return 0;
}
