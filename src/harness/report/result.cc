#include "harness/report/result.h"

namespace mirrorlab::report {

namespace {
double metric(const Result& r, const std::string& name) {
  const auto found = r.verified.metrics.find(name);
  return found == r.verified.metrics.end() ? 0 : found->second;
}
uint64_t count(const Result& r, const std::string& name) {
  return static_cast<uint64_t>(metric(r, name));
}

nlohmann::json engine(const nlohmann::json& figures) {
  if (!figures.is_object())
    return {
        {"cpu_s", nullptr}, {"peak_rss_bytes", nullptr}, {"counters", nlohmann::json::object()}};
  nlohmann::json counters = figures.value("counters", nlohmann::json::object());
  if (figures.contains("account")) counters["account"] = figures["account"];
  for (const char* part : {"capture", "inject", "header_return"}) {
    if (figures.contains(part)) counters[part] = figures[part];
  }
  return {{"cpu_s", figures.value("cpu_s", 0.0)},
          {"peak_rss_bytes", figures.value("peak_rss_bytes", int64_t{0})},
          {"counters", counters}};
}

nlohmann::json ledger_json(const verify::Ledger& ledger) {
  const auto entries = [](const std::vector<verify::LedgerEntry>& all) {
    nlohmann::json out = nlohmann::json::array();
    for (const auto& e : all) out.push_back({{"name", e.name}, {"packets", e.packets}});
    return out;
  };
  nlohmann::json j{{"unbalanced", ledger.unbalanced()},
                   {"hops", nlohmann::json::array()},
                   {"kernel_drops", nlohmann::json::array()}};
  for (const auto& line : ledger.lines) {
    j["hops"].push_back({{"hop", line.hop},
                         {"what", line.what},
                         {"counted_by", line.counts},
                         {"in", line.in},
                         {"gained", entries(line.gained)},
                         {"dropped", entries(line.dropped)},
                         {"out", line.out},
                         {"unaccounted", line.unaccounted},
                         {"balance", to_string(line.balance)},
                         {"remark", line.remark}});
  }
  for (const auto& d : ledger.kernel_drops) {
    j["kernel_drops"].push_back({{"node", d.node}, {"counter", d.counter}, {"packets", d.packets}});
  }
  return j;
}
}  // namespace

nlohmann::json to_json(const Result& r) {
  nlohmann::json j;
  j["schema_version"] = 1;
  j["scenario"] = {{"name", r.name}, {"path", r.path}};
  j["variant"] = r.variant;
  j["seed"] = r.seed;
  j["verdict"] = r.verdict;
  j["reason"] = r.reason;
  for (const char* phase : {"setup", "traffic", "drain", "verify", "teardown"}) {
    const auto found = r.duration_s.find(phase);
    j["duration_s"][phase] = found == r.duration_s.end() ? 0.0 : found->second;
  }
  for (const std::string side : {"online", "test"}) {
    j[side] = {{"sessions", count(r, side + ".sessions")},
               {"requests", count(r, side + ".requests")},
               {"bytes", count(r, side + ".bytes")}};
  }
  j["mirror"] = {{"sessions_exact", count(r, "sessions.exact")},
                 {"sessions_partial", count(r, "sessions.partial")},
                 {"sessions_missing", count(r, "sessions.missing")},
                 {"sessions_extra", count(r, "sessions.extra")},
                 {"stream_mismatches", count(r, "streams.mismatched")},
                 {"turn_violations", count(r, "turns.violations")}};
  j["lost"] = nlohmann::json::array();
  for (const auto& l : r.verified.lost) {
    j["lost"].push_back(
        {{"reason", l.reason}, {"hop", l.hop}, {"sessions", l.sessions}, {"bytes", l.bytes}});
  }
  j["isolation"] = {{"leaked_packets", count(r, "leaked_packets")},
                    {"misdirected_packets", count(r, "misdirected_packets")}};
  j["ledger"] = ledger_json(r.verified.ledger);
  j["latency_ms"]["online"] = {{"p50", metric(r, "latency.online.p50")},
                               {"p99", metric(r, "latency.online.p99")}};
  if (r.control) {
    j["latency_ms"]["online_without_mirror"] = {{"p50", r.control->p50_ms},
                                                {"p99", r.control->p99_ms}};
    j["latency_ms"]["added"] = {{"p50", metric(r, "latency.added.p50")},
                                {"p99", metric(r, "latency.added.p99")}};
    j["control"] = {{"runs", r.control->runs},
                    {"requests", r.control->requests},
                    {"seconds", r.control->seconds}};
  }
  j["timing_ms"] = {
      {"think_error",
       {{"p50", metric(r, "timing.think_error.p50")},
        {"p99", metric(r, "timing.think_error.p99")}}},
      {"lag", {{"p50", metric(r, "timing.lag.p50")}, {"p99", metric(r, "timing.lag.p99")}}}};
  j["concurrency"] = {{"online", count(r, "online.concurrency")},
                      {"test", count(r, "test.concurrency")}};
  j["answers"] = {{"equal", count(r, "answers.equal")},
                  {"differing", count(r, "answers.differing")}};
  j["engines"] = {{"copy", engine(r.copy)}, {"intercept", engine(r.intercept)}};
  j["links"] = r.links;
  j["expectations"] = nlohmann::json::array();
  for (const auto& e : r.expectations) {
    nlohmann::json one{
        {"text", e.text}, {"passed", e.passed}, {"actual", e.actual}, {"kind", e.kind}};
    if (e.looks > 0) one["looks"] = e.looks;
    if (e.first_failed_s) one["first_failed_s"] = *e.first_failed_s;
    if (e.first_held_s) one["first_held_s"] = *e.first_held_s;
    j["expectations"].push_back(std::move(one));
  }
  j["checks"] = nlohmann::json::array();
  for (const auto& c : r.verified.checks) {
    j["checks"].push_back({{"name", c.name}, {"passed", c.passed}, {"detail", c.detail}});
  }
  j["metrics"] = r.verified.metrics;
  j["problems"] = r.verified.problems;
  j["notes"] = r.verified.notes;
  j["traffic"] = r.traffic;
  j["reproduce"] = r.reproduce;
  j["artifacts"] = r.artifacts;
  return j;
}

int exit_code(const Result& r) {
  if (r.reason == "interrupted") return 130;
  if (r.verdict == "passed") return 0;
  if (r.verdict == "failed") return 1;
  return r.verdict == "skipped" ? 77 : 3;
}

}  // namespace mirrorlab::report
