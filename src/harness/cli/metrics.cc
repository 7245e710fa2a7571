#include "harness/cli/metrics.h"

#include <fmt/format.h>

#include "harness/scenario/expression.h"
#include "harness/scenario/loss_reason_name.h"

namespace mirrorlab::cli {

namespace {
std::string line(const std::string& name, const scenario::MetricName& metric) {
  const std::string whole = metric.base.empty() ? "" : fmt::format("; 100% is {}", metric.base);
  return fmt::format("{:1} {:<28} {:<6} {}{}\n", metric.live ? "*" : "", name,
                     scenario::to_string(metric.measure), metric.about, whole);
}
}  // namespace

std::string metrics_text() {
  std::string text;
  for (const auto& metric : scenario::metric_names())
    text += line(std::string(metric.name), metric);
  for (const auto& metric : scenario::program_metric_names()) {
    text += line("PROGRAM." + std::string(metric.name), metric);
  }
  text += line("ENGINE.COUNTER",
               {"", scenario::Measure::count, "", "any number of an engine's counters file", true});
  const scenario::MetricName sessions{"", scenario::Measure::count, "online.sessions",
                                      "sessions that lost anything for REASON"};
  const scenario::MetricName bytes{"", scenario::Measure::bytes, "online.bytes",
                                   "stream bytes lost for REASON"};
  text += line("lost.sessions.REASON", sessions) + line("lost.bytes.REASON", bytes);
  text +=
      "\n* is known while the run lasts: for `eventually`, and `always` watches it from the "
      "beginning.\nPROGRAM is an engine's id, or NODE.SERVICE.\nREASON:";
  for (const auto& reason : scenario::loss_reason_names()) text += " " + std::string(reason);
  return text + "\n";
}

}  // namespace mirrorlab::cli
