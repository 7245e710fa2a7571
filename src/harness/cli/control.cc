#include "harness/cli/control.h"

#include <algorithm>
#include <string>
#include <vector>

#include "harness/cli/collect.h"
#include "harness/cli/lab.h"
#include "harness/verify/online_side.h"
#include "os/clock.h"

namespace mirrorlab::cli {

scenario::Scenario without_engines(const scenario::Scenario& s) {
  scenario::Scenario bare = s;
  std::erase_if(bare.timeline, [&](const scenario::Fault& f) {
    return !f.target.empty() && s.engine(f.target) != nullptr;
  });
  // Without engines there is no mirrored session, and nothing to count on them.
  std::erase_if(bare.timeline, [&](const scenario::Fault& f) {
    if (!f.wait) return false;
    if (f.wait->condition && f.wait->condition->metric.starts_with("traffic.")) return false;
    return f.wait->ready.empty() || s.engine(f.wait->ready) != nullptr;
  });
  if (s.control && !s.control->timeline) bare.timeline.clear();
  bare.engines.clear();
  return bare;
}

namespace {
double median(std::vector<double> all) {
  std::ranges::sort(all);
  const size_t half = all.size() / 2;
  return all.size() % 2 == 1 ? all[half] : (all[half - 1] + all[half]) / 2;
}

report::Control run_once(const scenario::Scenario& s, const std::string& out,
                         const std::string& programs, const Interruption& interruption) {
  const scenario::Scenario bare = without_engines(s);
  Lab lab(bare, out, programs, interruption);
  lab.build();
  lab.start_services();
  lab.start_taps();
  const auto began = os::steady_now();
  const auto traffic = lab.drive_traffic();
  report::Control control;
  control.seconds = static_cast<double>(os::steady_now() - began) / 1e9;
  const auto& evidence = lab.collect();
  const Plan plan(s);
  auto side = verify::online_side(evidence.online, mirrored_services(s, plan));
  control.requests = side.requests;
  const bool own = traffic.contains("p50_ms");
  control.p50_ms = own ? traffic["p50_ms"].get<double>() : side.p50_ms;
  control.p99_ms = own ? traffic["p99_ms"].get<double>() : side.p99_ms;
  return control;
}
}  // namespace

report::Control run_control(const scenario::Scenario& s, const std::string& out,
                            const std::string& programs, const Interruption& interruption) {
  const uint64_t runs = s.control.value_or(scenario::ControlRun{}).runs;
  std::vector<double> requests, seconds, p50, p99;
  for (uint64_t run = 1; run <= runs; ++run) {
    const std::string place = out + "/control" + (run > 1 ? "-" + std::to_string(run) : "");
    const auto one = run_once(s, place, programs, interruption);
    requests.push_back(static_cast<double>(one.requests));
    seconds.push_back(one.seconds);
    p50.push_back(one.p50_ms);
    p99.push_back(one.p99_ms);
  }
  return {static_cast<uint64_t>(median(requests)), median(seconds), median(p50), median(p99), runs};
}

void add_control_metrics(const report::Control& control, report::Result& r) {
  auto& m = r.verified.metrics;
  const auto ratio = [&](const char* name, double with, double without) {
    if (without > 0) m[name] = with / without;
  };
  m["latency.without_mirror.p50"] = control.p50_ms;
  m["latency.without_mirror.p99"] = control.p99_ms;
  m["latency.added.p50"] = m["latency.online.p50"] - control.p50_ms;
  m["latency.added.p99"] = m["latency.online.p99"] - control.p99_ms;
  ratio("latency.p50_ratio", m["latency.online.p50"], control.p50_ms);
  ratio("latency.p99_ratio", m["latency.online.p99"], control.p99_ms);
  if (control.seconds > 0 && m["duration.traffic"] > 0) {
    ratio("throughput.ratio", m["online.requests"] / m["duration.traffic"],
          static_cast<double>(control.requests) / control.seconds);
  }
}

}  // namespace mirrorlab::cli
