// What everything in a laboratory needs to know.
#pragma once

#include <map>
#include <string>

#include "harness/cli/plan.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

struct LabContext {
  const scenario::Scenario& scenario;
  const Plan& plan;
  std::string out;       // absolute
  std::string programs;  // directory of mirrorlab, mirror-copy and mirror-intercept
};

// Values of the placeholders that hold in the whole scenario; `node` is where the program runs.
[[nodiscard]] std::map<std::string, std::string> placeholder_values(const LabContext& lab,
                                                                    const std::string& node);
// The words of `command`, then `options`, placeholders replaced. Throws std::runtime_error.
[[nodiscard]] std::vector<std::string> command_line(
    const std::string& command, const std::vector<std::string>& options,
    const std::map<std::string, std::string>& values);

}  // namespace mirrorlab::cli
