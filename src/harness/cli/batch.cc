#include "harness/cli/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>

#include "harness/cli/run.h"
#include "harness/report/text.h"
#include "os/atomic_file.h"

namespace mirrorlab::cli {

namespace {
constexpr int kInterrupted = 130, kFailed = 1, kNoVerdict = 3, kSkipped = 77;

bool several(const std::vector<scenario::Scenario>& all) {
  return std::ranges::any_of(all, [&](const auto& s) { return s.path != all.front().path; });
}

// Writes the summary of the matrix that ended with the last of `results`.
bool write_summary(const std::vector<report::Result>& results, const std::string& directory) {
  const auto text = matrix_summary(results).dump(2) + "\n";
  const auto done = os::write_file(directory + "/result.json", text);
  if (!done) std::cerr << "mirrorlab: " << done.error() << '\n';
  return done.has_value();
}
}  // namespace

std::string run_directory(const BatchOptions& o, const scenario::Scenario& s,
                          bool several_scenarios) {
  std::string directory = o.out.empty() ? "mirrorlab-out/" + s.name : o.out;
  if (!o.out.empty() && several_scenarios) directory += "/" + s.name;
  if (!s.variant.empty()) directory += "/" + s.variant;
  return directory;
}

int combined_exit_code(const std::vector<int>& codes) {
  for (const int code : {kInterrupted, kFailed, kNoVerdict}) {
    if (std::ranges::find(codes, code) != codes.end()) return code;
  }
  const bool ran = std::ranges::find(codes, 0) != codes.end();
  return ran || codes.empty() ? 0 : kSkipped;
}

nlohmann::json matrix_summary(const std::vector<report::Result>& variants) {
  std::vector<int> codes;
  nlohmann::json list = nlohmann::json::array();
  const report::Result* worst = &variants.front();
  for (const auto& r : variants) codes.push_back(report::exit_code(r));
  const int code = combined_exit_code(codes);
  for (size_t i = 0; i < variants.size(); ++i) {
    if (codes[i] == code && report::exit_code(*worst) != code) worst = &variants[i];
    list.push_back({{"variant", variants[i].variant},
                    {"verdict", variants[i].verdict},
                    {"reason", variants[i].reason},
                    {"result", variants[i].variant + "/result.json"}});
  }
  return {{"schema_version", 1},
          {"scenario", {{"name", worst->name}, {"path", worst->path}}},
          {"seed", worst->seed},
          {"verdict", worst->verdict},
          {"reason", worst->reason.empty() ? "" : worst->variant + ": " + worst->reason},
          {"variants", list}};
}

int run_batch(const std::vector<scenario::Scenario>& all, const BatchOptions& o) {
  const bool many = several(all);
  std::vector<int> codes;
  std::vector<report::Result> of_matrix;
  nlohmann::json printed = nlohmann::json::array();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& s = all[i];
    RunOptions run;
    run.out = run_directory(o, s, many);
    run.programs = o.programs;
    run.json = o.json;
    std::error_code error;
    std::filesystem::create_directories(run.out + "/logs", error);
    if (error) {
      std::cerr << "mirrorlab: cannot create " << run.out << ": " << error.message()
                << "; name another with --out\n";
      return 2;
    }
    auto result = run_scenario(s, run);
    codes.push_back(report::exit_code(result));
    if (o.json) {
      printed.push_back(report::to_json(result));
    } else {
      std::cout << report::to_text(result) << std::flush;
    }
    if (!s.variant.empty()) {
      of_matrix.push_back(std::move(result));
      const bool last =
          i + 1 == all.size() || all[i + 1].path != s.path || codes.back() == kInterrupted;
      if (last) {
        const auto parent = std::filesystem::path(run.out).parent_path().string();
        if (!write_summary(of_matrix, parent)) codes.push_back(kNoVerdict);
        of_matrix.clear();
      }
    }
    if (codes.back() == kInterrupted) break;
  }
  if (o.json) std::cout << (printed.size() == 1 ? printed[0] : printed).dump(2) << std::endl;
  if (!o.json && all.size() > 1) {
    std::cout << fmt::format(
        "\n{} runs: {} passed, {} failed, {} without a verdict, {} skipped\n", codes.size(),
        std::ranges::count(codes, 0), std::ranges::count(codes, kFailed),
        std::ranges::count(codes, kNoVerdict), std::ranges::count(codes, kSkipped));
  }
  return combined_exit_code(codes);
}

}  // namespace mirrorlab::cli
