#include "harness/cli/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "harness/cli/verdict.h"
#include "harness/scenario/expression.h"

namespace mirrorlab::cli {

namespace {
// NAME.COUNTER for the counters, NAME.GROUP.COUNTER for the other groups of numbers.
void add_engine_metrics(const std::string& name, const nlohmann::json& figures,
                        std::map<std::string, double>& m) {
  if (!figures.is_object()) return;
  for (const auto& [key, value] : figures.items()) {
    if (value.is_number()) m[name + "." + key] = value;
    if (!value.is_object()) continue;
    const std::string group = key == "counters" ? name + "." : name + "." + key + ".";
    for (const auto& [counter, number] : value.items()) {
      if (number.is_number()) m[group + counter] = number;
    }
  }
}

}  // namespace

void add_metrics(report::Result& r, const std::map<std::string, nlohmann::json>& engines) {
  auto& m = r.verified.metrics;
  for (const char* key : {"errors", "requests", "sessions", "requests_per_s"}) {
    if (r.traffic.contains(key)) m[std::string("traffic.") + key] = r.traffic[key];
  }
  if (const auto errors = r.traffic.value("errors", uint64_t{0}); errors > 0) {
    r.verified.checks.push_back(
        {"clients",
         false,
         fmt::format("{} requests or connections failed for the clients: {}", errors,
                     r.traffic.value("first_error", "")),
         {"traffic.errors"}});
  }
  // Clients that are no clients of ours are timed on the wire.
  const bool own = r.traffic.contains("p50_ms");
  m["latency.online.p50"] = own ? r.traffic["p50_ms"].get<double>() : m["latency.wire.p50"];
  m["latency.online.p99"] = own ? r.traffic["p99_ms"].get<double>() : m["latency.wire.p99"];
  m["duration.traffic"] = r.duration_s["traffic"];
  m["duration.drain"] = r.duration_s["drain"];
  // By engine, and all copies and all intercepts together under their kind's name.
  for (const auto& [id, figures] : engines) add_engine_metrics(id, figures, m);
  add_engine_metrics("copy", r.copy, m);
  add_engine_metrics("intercept", r.intercept, m);
}

void add_link_metrics(const std::vector<wirebox::Figures>& links, report::Result& r) {
  auto& m = r.verified.metrics;
  for (const char* name : {"lost", "queue_drops", "down", "duplicated", "reordered", "corrupted"}) {
    m[std::string("links.") + name] = 0;
  }
  for (const auto& link : links) {
    for (const auto& c : link.counters) {
      const auto dropped = [&](wirebox::Cause cause) {
        return static_cast<double>(c.dropped[static_cast<size_t>(cause)]);
      };
      m["links.lost"] += dropped(wirebox::Cause::loss);
      m["links.queue_drops"] += dropped(wirebox::Cause::queue);
      m["links.down"] += dropped(wirebox::Cause::down);
      m["links.duplicated"] += static_cast<double>(c.duplicated);
      m["links.reordered"] += static_cast<double>(c.reordered);
      m["links.corrupted"] += static_cast<double>(c.corrupted);
    }
  }
}

std::string shortcomings(const std::vector<wirebox::Figures>& links,
                         const std::vector<std::string>& missed) {
  for (const auto& link : links) {
    if (const auto lost = link.kernel_drops() + link.send_errors() + link.truncated(); lost > 0) {
      return fmt::format("the link stage {} lost {} packets: the box was too slow", link.name,
                         lost);
    }
    for (const auto& c : link.counters) {
      if (c.dropped[static_cast<size_t>(wirebox::Cause::pool_full)] > 0) {
        return fmt::format("the link stage {} ran out of memory for waiting packets", link.name);
      }
    }
  }
  if (!missed.empty()) {
    return "the traffic was over before the timeline's `" + missed.front() + "`";
  }
  return {};
}

void judge(const scenario::Scenario& s, const std::string& box, report::Result& r) {
  const auto lookup = [&](std::string_view name) -> std::optional<double> {
    const auto found = r.verified.metrics.find(std::string(name));
    if (found != r.verified.metrics.end()) return found->second;
    // A reason that nothing was lost for has no entry of its own.
    if (name.starts_with("lost.sessions.") || name.starts_with("lost.bytes.")) return 0.0;
    return std::nullopt;
  };
  std::vector<Failure> failures;
  for (const auto* list : {&s.always, &s.expect}) {
    for (const auto& expression : *list) {
      const auto outcome = scenario::evaluate(expression, lookup);
      r.expectations.push_back({expression.text, outcome.passed, outcome.actual});
      if (outcome.passed) continue;
      failures.push_back({expression.text + " does not hold: " + outcome.actual,
                          proof_of_condition(expression.metric)});
    }
  }
  // What the scenario judges by a condition of its own, the check only reports.
  const auto judged = [&](const std::string& metric) {
    const auto about = [&](const scenario::Expression& e) { return e.metric == metric; };
    return std::ranges::any_of(s.always, about) || std::ranges::any_of(s.expect, about);
  };
  for (auto& check : r.verified.checks) {
    if (!check.passed && std::ranges::any_of(check.yields_to, judged)) {
      check.passed = true;
      check.detail = "left to the scenario's conditions: " + check.detail;
    }
    if (check.passed) continue;
    failures.push_back({"check " + check.name + ": " + check.detail, proof_of_check(check.name)});
  }
  const Verdict verdict = decide(failures, {r.verified.inconclusive, box});
  r.verdict = verdict.verdict;
  r.reason = verdict.reason;
}

std::string add_box_metrics(const BoxStrain& strain, report::Result& r) {
  auto& m = r.verified.metrics;
  const auto ms = [](os::Nanos n) { return static_cast<double>(n) / 1e6; };
  m["box.late_longest"] = ms(strain.late_longest);
  m["box.late_total"] = ms(strain.late_total);
  m["box.steal"] = ms(strain.steal);
  m["box.oom_kills"] = static_cast<double>(strain.oom_kills);
  std::string why = strain.starved();
  if (!why.empty()) r.verified.notes.push_back(why);
  if (m["box.interface_drops"] > 0) {
    why += fmt::format("{}the box dropped {} packets between hosts", why.empty() ? "" : ", and ",
                       m["box.interface_drops"]);
  }
  return why;
}

}  // namespace mirrorlab::cli
