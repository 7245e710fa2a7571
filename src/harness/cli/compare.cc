#include "harness/cli/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "harness/cli/out_directory.h"
#include "harness/cli/playable.h"
#include "harness/cli/requirements.h"
#include "harness/cli/run.h"

namespace mirrorlab::cli {

namespace {
constexpr int kInterrupted = 130, kNoVerdict = 3, kSkipped = 77;

double number(const nlohmann::json& json, const std::vector<const char*>& path) {
  const nlohmann::json* at = &json;
  for (const char* key : path) {
    if (!at->is_object() || !at->contains(key)) return 0;
    at = &(*at)[key];
  }
  return at->is_number() ? at->get<double>() : 0;
}

std::string share(double part, double whole) {
  return whole > 0 ? fmt::format("{:.1f} %", 100 * part / whole) : "-";
}

// One run as a line of the table; without figures, why there are none.
std::string line(const report::Outcome& o, const std::string& engines) {
  const auto& j = o.json;
  const double requests = number(j, {"online", "requests"});
  if (!j.is_object() || requests == 0) {
    return fmt::format("{:<28} {:<12} {}: {}\n", o.title(), engines, o.verdict, o.reason);
  }
  const auto cpu = [&](const char* engine) {
    return number(j, {"engines", engine, "cpu_s"}) * 100'000 / requests;
  };
  const auto mib = [&](const char* engine) {
    return number(j, {"engines", engine, "peak_rss_bytes"}) / (1 << 20);
  };
  return fmt::format(
      "{:<28} {:<12} {:>9} {:>9} {:>9} {:>14} {:>13} {:>15}\n", o.title(), engines,
      share(number(j, {"metrics", "requests.mirrored"}), requests),
      share(number(j, {"mirror", "sessions_exact"}), number(j, {"online", "sessions"})),
      fmt::format("{:.0f}", requests),
      fmt::format("{:.2f} + {:.2f}", cpu("copy"), cpu("intercept")),
      fmt::format("{:.0f} + {:.0f}", mib("copy"), mib("intercept")),
      fmt::format("{:.2f} / {:.2f}", number(j, {"latency_ms", "online", "p50"}),
                  number(j, {"latency_ms", "online", "p99"})));
}

}  // namespace

std::vector<scenario::Scenario> both_ways(const std::vector<scenario::Scenario>& scenarios,
                                          const scenario::EnginesFile& engines) {
  std::vector<scenario::Scenario> all;
  for (const auto& s : scenarios) {
    all.push_back(s);
    all.push_back(scenario::played_by(s, engines));
  }
  return all;
}

std::string comparison(const std::vector<report::Outcome>& outcomes,
                       const scenario::EnginesFile& engines) {
  std::string text =
      fmt::format("{:<28} {:<12} {:>9} {:>9} {:>9} {:>14} {:>13} {:>15}\n", "scenario", "engines",
                  "mirrored", "exact", "requests", "CPU s / 100k", "RSS MiB", "online ms");
  text += fmt::format("{:<28} {:<12} {:>9} {:>9} {:>9} {:>14} {:>13} {:>15}\n", "", "", "requests",
                      "sessions", "online", "copy + int.", "copy + int.", "p50 / p99");
  for (size_t i = 0; i < outcomes.size(); ++i) {
    text += line(outcomes[i], i % 2 == 0 ? "mirrorlab" : engines.name);
  }
  return text;
}

int run_comparison(const std::vector<scenario::Scenario>& scenarios, const CompareOptions& o) {
  const auto engines = scenario::read_engines_file(o.with);
  if (!engines) {
    std::cerr << engines.error().text() << '\n';
    return 2;
  }
  const auto all = both_ways(scenarios, *engines);
  for (const auto& s : all) {
    if (const auto wrong = wrong_topology(s)) {
      std::cerr << wrong->text() << '\n';
      return 2;
    }
    if (const auto missing = missing_for(s, o.programs); !missing.empty()) {
      std::cout << "skipped: " << missing << '\n';
      return kSkipped;
    }
  }
  std::vector<RunOptions> runs;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& s = all[i];
    RunOptions& run = runs.emplace_back();
    run.out = fmt::format("{}/{}{}/{}", o.out.empty() ? "mirrorlab-out/compare" : o.out, s.name,
                          s.variant.empty() ? "" : "/" + s.variant,
                          i % 2 == 0 ? "mirrorlab" : engines->name);
    run.programs = o.programs;
    if (auto ready = make_run_directory(run.out); !ready) {
      std::cerr << "mirrorlab: " << ready.error() << '\n';
      return 2;
    }
  }
  std::vector<report::Outcome> outcomes;
  int code = 0;
  for (size_t i = 0; i < all.size() && code != kInterrupted; ++i) {
    outcomes.push_back(report::outcome_of(run_scenario(all[i], runs[i])));
    // A pair that loses half of it has lost the comparison, not broken it.
    const int one = outcomes.back().code;
    if (one == kInterrupted || one == kNoVerdict) code = std::max(code, one);
  }
  std::cout << '\n' << comparison(outcomes, *engines) << std::flush;
  return code;
}

}  // namespace mirrorlab::cli
