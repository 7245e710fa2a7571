// A condition over the metrics of a run: "sessions.exact == 100%", "latency.online.p99 < 5ms".
//
// A percentage compares the metric with its base: sessions.exact == 100% of online.sessions.
// Units are checked against what the metric measures, so "5ms" never meets a count.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mirrorlab::scenario {

enum class Measure : uint8_t { count, bytes, milliseconds, seconds };

struct MetricName {
  std::string_view name;
  Measure measure;
  std::string_view base;  // what a percentage refers to; empty: percentages make no sense
  std::string_view about;
  bool live = false;     // known while the run lasts, too
  bool control = false;  // compares with a control run
};

// All metrics with a fixed name. Beside them, for each PROGRAM (an engine's id, or NODE.SERVICE)
// those of program_metric_names(), lost.sessions.REASON, lost.bytes.REASON, and ENGINE.COUNTER for
// every number in an engine's counters file.
[[nodiscard]] std::span<const MetricName> metric_names();
// PROGRAM.NAME; `cpu_s` and `peak_rss_bytes` come from an engine's counters file.
[[nodiscard]] std::span<const MetricName> program_metric_names();
[[nodiscard]] const char* to_string(Measure measure);

enum class Comparison : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

struct Expression {
  std::string text;
  std::string metric;
  Comparison comparison = Comparison::equal;
  double value = 0;  // in the metric's measure, or a fraction when percent
  bool percent = false;
  std::string base;  // metric that a percentage refers to
  Measure measure = Measure::count;
  bool live = false;     // its truth can be told while the run lasts
  bool control = false;  // it needs a control run
};

// `engines` are the names whose counters may be asked for, `services` those of other programs.
[[nodiscard]] tl::expected<Expression, std::string> parse_expression(
    std::string_view text, std::span<const std::string> engines,
    std::span<const std::string> services = {});

struct Outcome {
  bool passed = false;
  std::string actual;  // what was found, for people
};

// `lookup` gives the value of a metric, or nothing when the run has no such figure: the condition
// then fails and says so.
[[nodiscard]] Outcome evaluate(
    const Expression& expression,
    const std::function<std::optional<double>(std::string_view)>& lookup);

}  // namespace mirrorlab::scenario
