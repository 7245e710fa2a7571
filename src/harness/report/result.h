// The result of a run, and result.json (schema version 1: docs/schema/result.schema.json).
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/verify/verify.h"

namespace mirrorlab::report {

struct Expectation {
  std::string text;
  bool passed = false;
  std::string actual;
  std::string kind = "expect";  // always, eventually, expect
  uint64_t looks = 0;           // while the run lasted, at which it could be told
  // Seconds after the traffic began.
  std::optional<double> first_failed_s = {};  // always
  std::optional<double> first_held_s = {};    // eventually
};

// The same traffic without engines; of several runs the medians.
struct Control {
  uint64_t requests = 0;
  double seconds = 0;
  double p50_ms = 0, p99_ms = 0;  // online answer times
  uint64_t runs = 1;
};

struct Result {
  std::string name, path, variant;
  uint64_t seed = 0;
  std::string verdict = "error";  // passed, failed, inconclusive, skipped, error
  std::string reason;
  std::map<std::string, double> duration_s;  // setup, traffic, drain, verify, teardown
  verify::Report verified;
  nlohmann::json copy, intercept;  // null: no such engine, or it wrote no figures
  nlohmann::json traffic = nlohmann::json::object();  // the built-in clients' own figures
  nlohmann::json links = nlohmann::json::array();     // what each link stage did
  std::vector<Expectation> expectations;
  std::map<std::string, std::string> artifacts;
  std::optional<Control> control;
  std::string reproduce;      // the command
  bool whole_ledger = false;  // in the report for people, also when it balances
};

[[nodiscard]] nlohmann::json to_json(const Result& result);
// 0 passed, 1 failed, 3 inconclusive or error, 77 skipped, 130 interrupted.
[[nodiscard]] int exit_code(const Result& result);

}  // namespace mirrorlab::report
