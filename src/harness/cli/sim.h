// mirrorlab sim: seeds of the simulator, judged.
#pragma once

#include <cstdint>
#include <string>

namespace mirrorlab::cli {

struct SimOptions {
  std::string seeds = "1..1000";  // A..B, both included, or one number
  std::string scenario = "mixed";
  std::string format = "text";
  unsigned threads = 0;  // 0: one for each core of the machine
  bool shrink = false;
  bool trace = false;
};

// Exit code: 0 all passed, 1 at least one failed, 2 usage.
[[nodiscard]] int run_sim(const SimOptions& options);
// The scenarios and what they are about, one a line.
[[nodiscard]] std::string sim_scenarios();

}  // namespace mirrorlab::cli
