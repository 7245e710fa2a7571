#include "harness/cli/control.h"

#include <algorithm>

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
  bare.engines.clear();
  return bare;
}

report::Control run_control(const scenario::Scenario& s, const std::string& out,
                            const std::string& programs, const std::atomic<bool>& interrupted) {
  const scenario::Scenario bare = without_engines(s);
  Lab lab(bare, out + "/control", programs, interrupted);
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

void add_control_metrics(const report::Control& control, report::Result& r) {
  auto& m = r.verified.metrics;
  const auto ratio = [&](const char* name, double with, double without) {
    if (without > 0) m[name] = with / without;
  };
  m["latency.without_mirror.p50"] = control.p50_ms;
  m["latency.without_mirror.p99"] = control.p99_ms;
  ratio("latency.p50_ratio", m["latency.online.p50"], control.p50_ms);
  ratio("latency.p99_ratio", m["latency.online.p99"], control.p99_ms);
  if (control.seconds > 0 && m["duration.traffic"] > 0) {
    ratio("throughput.ratio", m["online.requests"] / m["duration.traffic"],
          static_cast<double>(control.requests) / control.seconds);
  }
}

}  // namespace mirrorlab::cli
