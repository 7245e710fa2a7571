// The verdict, from evidence the engines had no hand in (docs/VERIFIER.md).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/verify/death.h"
#include "harness/verify/evidence.h"
#include "harness/verify/ledger.h"
#include "harness/verify/losses.h"

namespace mirrorlab::verify {

struct Check {
  std::string name;
  bool passed = false;
  std::string detail;
  // A scenario with a condition on one of these judges the matter itself: the check then only
  // reports. Empty: nobody can wave it through.
  std::vector<std::string> yields_to;
};

struct Report {
  std::map<std::string, double> metrics;  // names: docs/VERIFIER.md
  std::vector<Check> checks;
  std::vector<Lost> lost;
  std::vector<Death> deaths;  // of each session in `lost`
  Ledger ledger;
  std::vector<std::string> problems;  // of single sessions, the first few
  std::vector<std::string> notes;     // about the evidence itself
  std::string inconclusive;           // evidence that the box itself spoilt the run
};

[[nodiscard]] Report verify(const Evidence& evidence);

}  // namespace mirrorlab::verify
