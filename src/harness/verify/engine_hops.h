// Hops of the ledger at which an engine counts: what it says that it took and gave, against the
// taps, against a kernel's own count, and against what it says elsewhere.
#pragma once

#include <utility>
#include <vector>

#include "harness/verify/ledger.h"
#include "harness/verify/tally.h"

namespace mirrorlab::verify {

// Engines without figures, thus other programs in their roles, have no lines.
[[nodiscard]] std::vector<std::pair<LedgerLine, Allowances>> engine_hops(const Evidence& evidence,
                                                                         const Tally& online,
                                                                         const Tally& test);

}  // namespace mirrorlab::verify
