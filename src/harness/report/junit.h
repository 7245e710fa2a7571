// The outcomes of a batch for other programs: JUnit XML (a suite per scenario file, a case per
// variant) and the Test Anything Protocol, version 13.
#pragma once

#include <string>
#include <vector>

#include "harness/report/outcome.h"

namespace mirrorlab::report {

// A failed run is a failure; one without a verdict (error, inconclusive) is an error.
[[nodiscard]] std::string to_junit(const std::vector<Outcome>& outcomes);
[[nodiscard]] std::string to_tap(const std::vector<Outcome>& outcomes);

}  // namespace mirrorlab::report
