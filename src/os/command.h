// A short helper program run to its end, with what it said. For set-up only: it blocks.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::os {

struct CommandOutcome {
  int status = 0;      // as waitpid gives it; 0: success
  std::string output;  // stdout and stderr
};

// Fails when the program cannot be started (ENOENT: it is not installed).
[[nodiscard]] tl::expected<CommandOutcome, std::string> run_command(
    const std::vector<std::string>& command, const std::string& input = {});

}  // namespace mirrorlab::os
