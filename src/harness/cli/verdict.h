// The verdict, from what failed and what speaks against the evidence. Its precedence is in
// docs/VERIFIER.md: a failure is never hidden behind the box, and the box is never blamed on an
// engine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mirrorlab::cli {

// How far a failure stands by itself.
enum class Proof : uint8_t {
  seen,      // a packet that must not be was seen: no lost evidence and no slow box makes one
  certain,   // a slow box that loses packets does not cause it, missing evidence may
  doubtful,  // something is missing or late: a starved box may be the cause
};
[[nodiscard]] Proof proof_of_check(std::string_view check);
[[nodiscard]] Proof proof_of_condition(std::string_view metric);

struct Failure {
  std::string text;
  Proof proof = Proof::certain;
};

// What makes a run say less than it should; each empty when there is nothing.
struct Doubts {
  std::string evidence;  // taps or link stages lost packets, a fault never happened
  std::string box;       // the box dropped packets between hosts, or gave the run no CPU
};

struct Verdict {
  std::string verdict;  // passed, failed, inconclusive
  std::string reason;
};
[[nodiscard]] Verdict decide(const std::vector<Failure>& failures, const Doubts& doubts);

}  // namespace mirrorlab::cli
