#include "harness/cli/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "harness/cli/verdict.h"
#include "harness/scenario/expression.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::cli {

void add_engine_metrics(const std::string& name, const nlohmann::json& figures,
                        std::map<std::string, double>& m) {
  if (!figures.is_object()) return;
  for (const auto& [key, value] : figures.items()) {
    if (value.is_number()) m[name + "." + key] = value;
    if (value.is_object())
      add_engine_metrics(key == "counters" ? name : name + "." + key, value, m);
  }
}

namespace {
using Lookup = std::function<std::optional<double>(std::string_view)>;

// A condition at the end. Engines' counters are known when they have been written, so only here a
// name that none of them has is found out.
scenario::Outcome judge_now(const scenario::Expression& condition, const Lookup& lookup,
                            const std::vector<std::string>& known) {
  auto outcome = scenario::evaluate(condition, lookup);
  if (!lookup(condition.metric)) outcome.actual += scenario::suggestion(condition.metric, known);
  return outcome;
}

// At the end, and at every look before it.
report::Expectation judge_always(const scenario::Expression& condition, const LiveFinding& live,
                                 const Lookup& lookup, const std::vector<std::string>& known) {
  const auto outcome = judge_now(condition, lookup, known);
  report::Expectation e{condition.text, outcome.passed, outcome.actual, "always", live.looks, {}};
  if (!live.at_s) return e;
  e.passed = false;
  e.first_failed_s = *live.at_s;
  e.actual = fmt::format("{} at +{:.2f} s", live.actual, *live.at_s);
  return e;
}

report::Expectation judge_eventually(const scenario::Eventual& eventual, const LiveFinding& live,
                                     double ended_s, const Lookup& lookup,
                                     const std::vector<std::string>& known) {
  report::Expectation e{eventual.text, false, live.actual, "eventually", live.looks, {}};
  if (live.at_s) {
    e.passed = true;
    e.first_held_s = *live.at_s;
    e.actual = fmt::format("{} at +{:.2f} s", live.actual, *live.at_s);
    return e;
  }
  const auto until_s = static_cast<double>((eventual.after + eventual.within).count()) / 1e9;
  const auto after_s = static_cast<double>(eventual.after.count()) / 1e9;
  if (ended_s >= after_s && ended_s <= until_s) {
    // The run was over first: what it left behind is the last look.
    const auto outcome = judge_now(eventual.condition, lookup, known);
    e.passed = outcome.passed;
    e.actual = outcome.actual + " at the end";
    if (e.passed) e.first_held_s = ended_s;
  } else if (live.looks == 0) {
    e.actual = ended_s < after_s ? "the run was over before" : "no figure while it could hold";
  } else {
    e.actual += fmt::format(" at the last of {} looks", live.looks);
  }
  return e;
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

std::string shortcomings(const std::vector<wirebox::Figures>& links) {
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
  return {};
}

namespace {
// S3 lets a turn go when the test host falls silent; one that gets no CPU does.
bool released_by_silence(const std::map<std::string, double>& metrics) {
  const auto figure = [&](const char* name) {
    const auto found = metrics.find(name);
    return found == metrics.end() ? 0 : found->second;
  };
  return figure("turns.violations") > 0 &&
         figure("turns.violations") <=
             figure("copy.turn_released_by_quiet") + figure("copy.turn_released_by_timeout");
}
}  // namespace

void judge(const scenario::Scenario& s, const LiveFindings& live, report::Result& r,
           const std::string& box) {
  // What only a running laboratory shows: as it was last.
  for (const auto& [name, value] : live.last) r.verified.metrics.try_emplace(name, value);
  const Lookup lookup = [&](std::string_view name) -> std::optional<double> {
    const auto found = r.verified.metrics.find(std::string(name));
    if (found != r.verified.metrics.end()) return found->second;
    // A reason that nothing was lost for has no entry of its own.
    if (name.starts_with("lost.sessions.") || name.starts_with("lost.bytes.")) return 0.0;
    return std::nullopt;
  };
  std::vector<std::string> known;
  for (const auto& [name, value] : r.verified.metrics) known.push_back(name);
  std::vector<Failure> failures;
  const bool by_silence = released_by_silence(r.verified.metrics);
  const auto order = [&](Proof usual) { return by_silence ? Proof::doubtful : usual; };
  for (size_t i = 0; i < s.always.size(); ++i) {
    const auto& finding = i < live.always.size() ? live.always[i] : LiveFinding{};
    r.expectations.push_back(judge_always(s.always[i], finding, lookup, known));
  }
  for (size_t i = 0; i < s.eventually.size(); ++i) {
    const auto& finding = i < live.eventually.size() ? live.eventually[i] : LiveFinding{};
    r.expectations.push_back(
        judge_eventually(s.eventually[i], finding, live.ended_s, lookup, known));
  }
  for (const auto& condition : s.expect) {
    const auto outcome = judge_now(condition, lookup, known);
    r.expectations.push_back({condition.text, outcome.passed, outcome.actual, "expect", 0, {}});
  }
  // The conditions are in the order of always, eventually, expect.
  std::vector<std::string> metrics;
  for (const auto& condition : s.always) metrics.push_back(condition.metric);
  for (const auto& condition : s.eventually) metrics.push_back(condition.condition.metric);
  for (const auto& condition : s.expect) metrics.push_back(condition.metric);
  for (size_t i = 0; i < r.expectations.size(); ++i) {
    const auto& e = r.expectations[i];
    if (e.passed) continue;
    const Proof proof = proof_of_condition(metrics[i]);
    failures.push_back({e.text + " does not hold: " + e.actual,
                        metrics[i] == "turns.violations" ? order(proof) : proof});
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
    const Proof proof = proof_of_check(check.name);
    failures.push_back({"check " + check.name + ": " + check.detail,
                        check.name == "order" ? order(proof) : proof});
  }
  const Verdict verdict = decide(failures, {r.verified.inconclusive, box});
  r.verdict = verdict.verdict;
  r.reason = verdict.reason;
}

std::string add_box_metrics(const BoxStrain& strain, const process::Child::Usage& copy,
                            report::Result& r) {
  auto& m = r.verified.metrics;
  const auto ms = [](os::Nanos n) { return static_cast<double>(n) / 1e6; };
  m["box.late_longest"] = ms(strain.late_longest);
  m["box.late_total"] = ms(strain.late_total);
  m["box.steal"] = ms(strain.steal);
  m["box.oom_kills"] = static_cast<double>(strain.oom_kills);
  m["box.copy_waited"] = copy.cpu_wait_s * 1000;
  std::string why = strain.starved();
  if (why.empty()) {
    why = overflowed_for_want_of_cpu(m["copy.capture.kernel_drops"], copy.cpu_s, copy.cpu_wait_s);
  }
  if (!why.empty()) r.verified.notes.push_back(why);
  if (m["box.interface_drops"] > 0) {
    why += fmt::format("{}the box dropped {} packets between hosts", why.empty() ? "" : ", and ",
                       m["box.interface_drops"]);
  }
  return why;
}

}  // namespace mirrorlab::cli
