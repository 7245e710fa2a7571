// Why a session lost something: the engine's own reason, where the evidence bears it out.
//
// A reason that the evidence contradicts, a loss that the engine did not report, or one larger than
// it reported, is `unexplained`. Losses that the engine could not report, because it was killed or
// not yet there, are explained by the outage that the harness itself caused, if the times fit.
#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "harness/verify/evidence.h"
#include "harness/verify/mirror.h"
#include "harness/verify/recorded.h"
#include "harness/verify/silences.h"

namespace mirrorlab::verify {

inline constexpr const char* kUnexplained = "unexplained";
// The verifier's own, of a session of which the engine never saw a packet.
inline constexpr const char* kNeverCaptured = "never_captured";

struct Lost {
  std::string reason;
  std::string hop;
  uint64_t sessions = 0;
  uint64_t bytes = 0;
};

// Fills reason, hop and problem of each session that lost anything; the sums, largest first.
// `unlogged`: what is left of refusals(), which one call after the other uses up.
[[nodiscard]] std::vector<Lost> explain(const Evidence& evidence, const MirroredService& service,
                                        const Connections& online, const Connections& test,
                                        const Recorded* test_records, const Silences& silences,
                                        Mirror& mirror, std::map<std::string, uint64_t>& unlogged);

// Sessions refused at their first packet are in the engine's account only, not in its log; and
// under kNeverCaptured, the packets that its capture lost.
[[nodiscard]] std::map<std::string, uint64_t> refusals(const Evidence& evidence);

// Where a session with this reason of the engine's died.
[[nodiscard]] std::string hop_of(const std::string& reason);

}  // namespace mirrorlab::verify
