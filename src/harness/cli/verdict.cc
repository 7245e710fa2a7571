#include "harness/cli/verdict.h"

#include <algorithm>
#include <array>

namespace mirrorlab::cli {

namespace {
template <size_t N>
bool contains(const std::array<std::string_view, N>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}
constexpr std::array<std::string_view, 2> kSeenChecks{"isolated", "harmless"};
constexpr std::array<std::string_view, 7> kDoubtfulChecks{
    "complete", "exact", "closes", "nothing_left", "clients", "drained", "timeline"};
constexpr std::array<std::string_view, 2> kSeenMetrics{"leaked_packets", "misdirected_packets"};
constexpr std::array<std::string_view, 8> kCertainMetrics{
    "turns.violations", "streams.mismatched", "sessions.extra",     "bytes.repeated",
    "lost.unexplained", "ledger.unbalanced",  "ledger.unaccounted", "recordings.disagreements"};
}  // namespace

Proof proof_of_check(std::string_view check) {
  if (contains(kSeenChecks, check)) return Proof::seen;
  return contains(kDoubtfulChecks, check) ? Proof::doubtful : Proof::certain;
}

Proof proof_of_condition(std::string_view metric) {
  if (contains(kSeenMetrics, metric)) return Proof::seen;
  return contains(kCertainMetrics, metric) ? Proof::certain : Proof::doubtful;
}

Verdict decide(const std::vector<Failure>& failures, const Doubts& doubts) {
  const auto first = [&](Proof at_most) {
    return std::ranges::find_if(failures, [&](const Failure& f) { return f.proof <= at_most; });
  };
  if (const auto seen = first(Proof::seen); seen != failures.end()) return {"failed", seen->text};
  if (!doubts.evidence.empty()) {
    return {"inconclusive", failures.empty()
                                ? doubts.evidence
                                : doubts.evidence + "; so this is not held against anyone: " +
                                      failures.front().text};
  }
  if (failures.empty()) return {"passed", ""};
  if (const auto certain = first(Proof::certain); certain != failures.end()) {
    return {"failed", certain->text};
  }
  if (!doubts.box.empty()) {
    return {"inconclusive",
            doubts.box + "; so this is not held against anyone: " + failures.front().text};
  }
  return {"failed", failures.front().text};
}

}  // namespace mirrorlab::cli
