// The ledger as a table for people.
#pragma once

#include <string>

#include "harness/verify/ledger.h"

namespace mirrorlab::report {

// "14 hops balance; 213 packets dropped, each at a named place", or what does not balance.
[[nodiscard]] std::string ledger_summary(const verify::Ledger& ledger);
// Every hop and every kernel counter that moved, each line indented.
[[nodiscard]] std::string ledger_table(const verify::Ledger& ledger);

}  // namespace mirrorlab::report
