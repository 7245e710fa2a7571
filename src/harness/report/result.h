// A run's outcome: result.json (schema version 1, scenarios/schema/result.schema.json), the text
// for people, and the summary of a matrix.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/verify/verify.h"

namespace mirrorlab::report {

enum class Verdict : uint8_t { passed, failed, inconclusive, skipped, error };
[[nodiscard]] const char* to_string(Verdict verdict);
// Process exit code: passed 0, failed 1, inconclusive and error 3, skipped 77.
[[nodiscard]] int exit_code(Verdict verdict);

struct Expectation {
  std::string text;
  bool passed = false;
  std::string actual;
};

struct Durations {  // seconds
  double setup = 0, traffic = 0, drain = 0, verify = 0, teardown = 0;
};

struct EngineUse {
  double cpu_s = 0;
  uint64_t peak_rss_bytes = 0;
  nlohmann::json counters = nlohmann::json::object();  // as the engine wrote them
};

struct Latency {  // milliseconds
  double p50 = 0, p99 = 0;
};

struct Result {
  std::string scenario;
  std::string path;
  std::string about;    // one sentence: what the scenario proves
  std::string variant;  // empty without a matrix
  uint64_t seed = 0;
  Verdict verdict = Verdict::error;
  std::string reason;  // why not passed; empty when passed
  Durations duration;
  verify::Report evidence;  // empty when the run never got that far
  std::optional<Latency> without_mirror;
  std::map<std::string, EngineUse> engines;  // "copy", "intercept"
  std::vector<Expectation> expectations;
  std::map<std::string, std::string> artifacts;  // name -> path relative to the result
  std::string command;                           // reproduces this run
};

// Sets verdict and reason of a run that was carried out: required checks and expectations decide,
// evidence of a spoilt run makes it inconclusive.
void judge(Result& result);

[[nodiscard]] nlohmann::json to_json(const Result& result);
// Writes DIR/result.json, whole or not at all.
tl::expected<void, std::string> write_result(const std::string& directory, const Result& result);
// Writes DIR/result.json of a matrix: the counts of verdicts and one entry per variant.
tl::expected<void, std::string> write_summary(const std::string& directory,
                                              const std::vector<Result>& results);

// What ran, what was mirrored, what was lost, where and why. `colour` only for terminals.
[[nodiscard]] std::string to_text(const Result& result, bool colour);
[[nodiscard]] std::string summary_text(const std::vector<Result>& results, bool colour);

}  // namespace mirrorlab::report
