#include "harness/cli/run.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "harness/cli/lab.h"
#include "harness/cli/requirements.h"
#include "harness/report/progress.h"
#include "harness/scenario/expression.h"
#include "os/atomic_file.h"
#include "os/clock.h"

namespace mirrorlab::cli {

namespace {
// Takes SIGINT and SIGTERM on a thread of its own (they are blocked in all others).
class Interruption {
 public:
  explicit Interruption(std::atomic<bool>& flag) {
    ::sigemptyset(&set_);
    for (const int n : {SIGINT, SIGTERM, SIGUSR2}) ::sigaddset(&set_, n);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    thread_ = std::thread([this, &flag] {
      for (int number = 0; ::sigwait(&set_, &number) == 0 && number != SIGUSR2;) flag = true;
    });
  }
  ~Interruption() {
    ::pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

 private:
  sigset_t set_{};
  std::thread thread_;
};

// Shows each phase and keeps how long it took.
class Phases {
 public:
  Phases(report::Result& result, report::Progress& progress)
      : result_(result), progress_(progress) {}
  void begin(const std::string& name, const std::string& words,
             report::Progress::Status status = {}) {
    end();
    name_ = name;
    began_ = os::steady_now();
    progress_.begin(name, words, std::move(status));
  }
  void end() {
    progress_.end();
    if (!name_.empty()) {
      result_.duration_s[name_] += static_cast<double>(os::steady_now() - began_) / 1e9;
    }
    name_.clear();
  }

 private:
  report::Result& result_;
  report::Progress& progress_;
  std::string name_;
  int64_t began_ = 0;
};

void judge(const scenario::Scenario& s, report::Result& r) {
  const auto lookup = [&](std::string_view name) -> std::optional<double> {
    const auto found = r.verified.metrics.find(std::string(name));
    if (found != r.verified.metrics.end()) return found->second;
    // A reason that nothing was lost for has no entry of its own.
    if (name.starts_with("lost.sessions.") || name.starts_with("lost.bytes.")) return 0.0;
    return std::nullopt;
  };
  bool all = true;
  for (const auto* list : {&s.always, &s.expect}) {
    for (const auto& expression : *list) {
      const auto outcome = scenario::evaluate(expression, lookup);
      r.expectations.push_back({expression.text, outcome.passed, outcome.actual});
      if (!outcome.passed && all) r.reason = expression.text + " does not hold: " + outcome.actual;
      all = all && outcome.passed;
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
    if (!check.passed && all) r.reason = "check " + check.name + ": " + check.detail;
    all = all && check.passed;
  }
  r.verdict = all ? "passed" : "failed";
  if (!r.verified.inconclusive.empty()) {
    r.verdict = "inconclusive";
    r.reason = r.verified.inconclusive;
  }
}

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

nlohmann::json links_json(const std::vector<wirebox::Figures>& links) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& link : links) {
    nlohmann::json one{{"name", link.name},
                       {"kernel_drops", link.kernel_drops},
                       {"send_errors", link.send_errors},
                       {"truncated", link.truncated},
                       {"flows_forgotten", link.flows_forgotten}};
    for (const size_t i : {0U, 1U}) {
      const auto& c = link.counters[i];
      nlohmann::json dropped;
      for (size_t cause = 0; cause < wirebox::kCauses; ++cause) {
        dropped[wirebox::to_string(static_cast<wirebox::Cause>(cause))] = c.dropped[cause];
      }
      one[i == 0 ? "there" : "back"] = {{"in", c.in},
                                        {"in_bytes", c.in_bytes},
                                        {"out", c.out},
                                        {"out_bytes", c.out_bytes},
                                        {"unharmed", c.unharmed},
                                        {"dropped", dropped},
                                        {"duplicated", c.duplicated},
                                        {"reordered", c.reordered},
                                        {"corrupted", c.corrupted},
                                        {"cut", c.cut}};
    }
    all.push_back(one);
  }
  return all;
}

// The dropped packets by name: the same list in every run with the same seed and traffic.
std::string drops_text(const std::vector<wirebox::Figures>& links) {
  std::string text;
  for (const auto& link : links) {
    for (const auto& d : link.drops) {
      text += fmt::format("{} {} {} number {} packet {} {}\n", link.name,
                          d.direction == wirebox::Direction::a_to_b ? "there" : "back",
                          d.flow.to_string(), d.number, d.ordinal, wirebox::to_string(d.cause));
    }
  }
  return text;
}

std::string describe_safely(Lab& lab) {
  try {
    return lab.describe();
  } catch (const std::exception& e) {
    return std::string("the run cannot be described: ") + e.what() + "\n";
  }
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

// What made this run say less than it should: the harness, not the engines.
std::string shortcomings(const std::vector<wirebox::Figures>& links,
                         const std::vector<std::string>& missed) {
  for (const auto& link : links) {
    if (const auto lost = link.kernel_drops + link.send_errors + link.truncated; lost > 0) {
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

void run_phases(Lab& lab, Phases& phases, const scenario::Scenario& s, const std::string& out,
                const std::atomic<bool>& interrupted, report::Result& r) {
  const auto stop_if_interrupted = [&] {
    if (interrupted) throw std::runtime_error("interrupted");
  };
  phases.begin("setup", "namespaces, links, services, engines");
  lab.build();
  stop_if_interrupted();
  lab.start_services();
  lab.start_taps();
  lab.start_engines();
  stop_if_interrupted();
  phases.begin("traffic", fmt::format("{} from {} client addresses",
                                      s.traffic.empty() ? "none" : s.traffic[0].id,
                                      s.node_of(scenario::Role::clients)->count));
  r.traffic = lab.drive_traffic();
  phases.begin("drain", "waiting for the copy engine to have mirrored everything");
  const bool drained = lab.drain();
  stop_if_interrupted();
  phases.begin("verify", "comparing what clients sent with what reached the test host");
  auto evidence = lab.collect();
  evidence.drained = drained;
  const auto links = lab.link_figures();
  r.verified = verify::verify(evidence);
  r.links = links_json(links);
  r.copy = evidence.copy;
  r.intercept = evidence.intercept;
  add_metrics(r, lab.engine_figures());
  add_link_metrics(links, r);
  if (const auto why = shortcomings(links, lab.missed_faults()); !why.empty()) {
    r.verified.inconclusive = why;
  }
  judge(s, r);
  if (auto done = os::write_file(out + "/link-drops.txt", drops_text(links)); !done) {
    throw std::runtime_error(done.error());
  }
  if (!drained && r.verdict == "passed") {
    r.verdict = "failed";
    r.reason = "the copy engine still had something to send when the drain time was over";
  }
  phases.begin("teardown", "ending processes; the namespaces go with them");
}

void run_lab(const scenario::Scenario& s, const RunOptions& o, const std::atomic<bool>& interrupted,
             report::Progress& progress, report::Result& r) {
  Phases phases(r, progress);
  std::unique_ptr<Lab> lab;
  try {
    lab = std::make_unique<Lab>(s, o.out, o.programs, interrupted);
    run_phases(*lab, phases, s, o.out, interrupted, r);
  } catch (const std::exception& e) {
    r.verdict = "error";
    r.reason = e.what();
    phases.end();
    if (lab && r.reason != "interrupted") std::cerr << describe_safely(*lab);
  }
  lab.reset();
  phases.end();
}
}  // namespace

report::Result run_scenario(const scenario::Scenario& s, const RunOptions& o) {
  report::Result r;
  r.name = s.name;
  r.path = s.path;
  r.variant = s.variant;
  r.seed = s.seed;
  r.traffic = nlohmann::json::object();
  r.reproduce = fmt::format("mirrorlab run {} --seed {}", s.path, s.seed);
  std::atomic<bool> interrupted{false};
  const Interruption interruption(interrupted);
  report::Progress progress = report::Progress::for_standard_error();
  progress.headline(fmt::format("{}{}  (seed {})", s.name,
                                s.variant.empty() ? "" : " [" + s.variant + "]", s.seed));
  if (const auto missing = missing_for(s, o.programs); !missing.empty()) {
    r.verdict = "skipped";
    r.reason = missing;
  } else {
    run_lab(s, o, interrupted, progress, r);
  }
  r.artifacts = {{"result", o.out + "/result.json"},
                 {"logs", o.out + "/logs"},
                 {"online_capture", o.out + "/online.pcap"},
                 {"test_capture", o.out + "/test.pcap"},
                 {"link_drops", o.out + "/link-drops.txt"}};
  if (auto done = os::write_file(o.out + "/result.json", report::to_json(r).dump(2) + "\n");
      !done) {
    std::cerr << "mirrorlab: " << done.error() << '\n';
    r.verdict = "error";
    r.reason = done.error();
  }
  return r;
}

}  // namespace mirrorlab::cli
