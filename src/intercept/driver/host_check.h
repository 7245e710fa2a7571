// mirror-intercept --check: what on this host would break mirroring, and how to mend it.
#pragma once

#include <string>
#include <vector>

#include "intercept/driver/interception.h"

namespace mirrorlab::intercept {

[[nodiscard]] std::vector<Finding> check_host(const InterceptOptions& options,
                                              const Interception& method);

// Parts that are read from text.
[[nodiscard]] std::vector<std::string> rules_that_drop_invalid(const std::string& saved_rules);
// Rules that drop what the service sends, in a way that its TCP notices.
[[nodiscard]] std::vector<std::string> rules_that_drop_replies(const std::string& saved_rules,
                                                               const std::vector<uint16_t>& ports);

}  // namespace mirrorlab::intercept
