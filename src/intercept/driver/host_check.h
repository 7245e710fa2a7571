// mirror-intercept --check: what on this host would break mirroring, and how to mend it.
#pragma once

#include <string>
#include <vector>

#include "intercept/driver/options.h"

namespace mirrorlab::intercept {

struct Finding {
  bool good = false;
  std::string text;
  std::string mend;  // empty when good
};

[[nodiscard]] std::vector<Finding> check_host(const InterceptOptions& options);

// The parts that are read from text, for tests.
[[nodiscard]] std::vector<std::string> rules_that_drop_invalid(const std::string& saved_rules);

}  // namespace mirrorlab::intercept
