// mirrorlab: builds an online host, a test host and their clients on one box, runs the two engines
// in them, and proves what was mirrored.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "harness/cli/batch.h"
#include "harness/cli/doctor.h"
#include "harness/cli/explain.h"
#include "harness/cli/sim.h"
#include "harness/cli/supervise.h"
#include "harness/scenario/scenario_file.h"
#include "harness/traffic/load.h"
#include "harness/traffic/service.h"

namespace {
using namespace mirrorlab;
namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> files;
  std::string out, format = "text", directory = "scenarios", built_in;
  std::optional<uint64_t> seed;
};

std::string own_directory() { return fs::read_symlink("/proc/self/exe").parent_path().string(); }

int complain(const scenario::Error& error) {
  std::cerr << error.text() << '\n';
  return 2;
}

int run(const Arguments& a) {
  std::vector<scenario::Scenario> all;
  for (const auto& file : a.files) {
    auto read = scenario::read_scenario_file(file);
    if (!read) return complain(read.error());
    for (auto& s : *read) {
      if (a.seed) s.seed = *a.seed;
      all.push_back(std::move(s));
    }
  }
  const cli::BatchOptions options{a.out, own_directory(), a.format == "json"};
  return cli::supervise([&] { return cli::run_batch(all, options); });
}

int validate(const Arguments& a) {
  int code = 0;
  for (const auto& file : a.files) {
    const auto read = scenario::read_scenario_file(file);
    if (!read) {
      code = complain(read.error());
    } else {
      std::cout << file << ": ok, " << read->size() << " variant(s)\n";
    }
  }
  return code;
}

int explain(const Arguments& a) {
  for (const auto& file : a.files) {
    const auto read = scenario::read_scenario_file(file);
    if (!read) return complain(read.error());
    for (const auto& s : *read) std::cout << cli::explain(s) << '\n';
  }
  return 0;
}

int list(const Arguments& a) {
  std::error_code error;
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(a.directory, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".yaml") files.push_back(entry->path());
  }
  if (error) {
    std::cerr << "mirrorlab: cannot list " << a.directory << ": " << error.message()
              << "; name the directory of your scenarios\n";
    return 2;
  }
  std::ranges::sort(files);
  int code = 0;
  for (const auto& file : files) {
    const auto read = scenario::read_scenario_file(file.string());
    if (!read) {
      code = complain(read.error());
      continue;
    }
    std::cout << file.string() << '\n';
    if (!read->front().about.empty()) std::cout << "    " << read->front().about << '\n';
  }
  return code;
}
}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app{"Proves TCP traffic mirroring on one box"};
  app.require_subcommand(1);
  auto* run_command = app.add_subcommand("run", "Run scenarios and judge them");
  run_command->add_option("scenario", a.files, "Scenario files")->required();
  run_command->add_option("--out", a.out, "Directory for result.json, logs and captures");
  run_command->add_option("--seed", a.seed, "In place of the scenario's seed");
  run_command->add_option("--format", a.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  auto* validate_command = app.add_subcommand("validate", "Check scenario files");
  validate_command->add_option("scenario", a.files, "Scenario files")->required();
  auto* explain_command = app.add_subcommand("explain", "Say what a scenario builds and does");
  explain_command->add_option("scenario", a.files, "Scenario files")->required();
  auto* list_command = app.add_subcommand("list", "List the scenarios of a directory");
  list_command->add_option("directory", a.directory)->capture_default_str();
  auto* doctor_command = app.add_subcommand("doctor", "Say what this machine can and cannot do");
  doctor_command->add_option("--format", a.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  auto* serve_command = app.add_subcommand("serve", "The built-in service");
  serve_command->add_option("options", a.built_in, "JSON")->required();
  auto* load_command = app.add_subcommand("load", "The built-in clients");
  load_command->add_option("options", a.built_in, "JSON")->required();
  cli::SimOptions sim;
  auto* sim_command = app.add_subcommand("sim", "Session sync in virtual time, by seed");
  sim_command->footer("Scenarios:\n" + cli::sim_scenarios());
  sim_command->add_option("--seeds", sim.seeds, "A..B or one seed")->capture_default_str();
  sim_command->add_option("--scenario", sim.scenario)->capture_default_str();
  sim_command->add_option("--threads", sim.threads, "0: one a core")->capture_default_str();
  sim_command->add_flag("--shrink", sim.shrink, "Cut a failure's faults to a minimal list");
  sim_command->add_flag("--trace", sim.trace, "Print every packet");
  sim_command->add_option("--format", sim.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    if (*run_command) return run(a);
    if (*sim_command) return cli::run_sim(sim);
    if (*validate_command) return validate(a);
    if (*explain_command) return explain(a);
    if (*list_command) return list(a);
    if (*doctor_command) return cli::doctor(own_directory(), a.format == "json");
    const auto options = nlohmann::json::parse(a.built_in);
    return *serve_command ? traffic::run_service(options) : traffic::run_load(options);
  } catch (const std::exception& e) {
    std::cerr << "mirrorlab: " << e.what() << '\n';
    return 3;
  }
}
