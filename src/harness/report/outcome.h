// One run of a batch, as its summaries need it: what other processes tell of theirs, too.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/report/result.h"

namespace mirrorlab::report {

struct Outcome {
  std::string name, variant, path;
  uint64_t seed = 0;
  std::string verdict = "error";
  std::string reason;
  int code = 3;         // exit_code() of the result
  double seconds = 0;   // of all phases
  unsigned runs = 1;    // with --repeat: how many times it ran
  std::string text;     // the report for people
  nlohmann::json json;  // result.json; null when the run ended without one
  std::string reproduce;

  // "loss", or "loss [ip=v6]".
  [[nodiscard]] std::string title() const {
    return variant.empty() ? name : name + " [" + variant + "]";
  }
};

[[nodiscard]] Outcome outcome_of(const Result& result);

// For the way from one process to another.
[[nodiscard]] std::string to_line(const Outcome& outcome);
// Nothing of `text` is believed: false when it is no whole outcome.
[[nodiscard]] bool from_line(const std::string& text, Outcome& outcome);

}  // namespace mirrorlab::report
