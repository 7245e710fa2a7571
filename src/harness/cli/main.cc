// mirrorlab: builds an online host, a test host and their clients on one box, runs the two engines
// in them, and proves what was mirrored.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <thread>

#include "harness/cli/batch.h"
#include "harness/cli/compare.h"
#include "harness/cli/doctor.h"
#include "harness/cli/inspect.h"
#include "harness/cli/metrics.h"
#include "harness/cli/places.h"
#include "harness/cli/replay.h"
#include "harness/cli/select.h"
#include "harness/cli/sim.h"
#include "harness/cli/supervise.h"
#include "harness/cli/up.h"
#include "harness/cli/visit.h"
#include "harness/scenario/break_expression.h"
#include "harness/scenario/suggest.h"
#include "harness/traffic/load.h"
#include "harness/traffic/service.h"

namespace {
using namespace mirrorlab;

struct Arguments {
  cli::Selection selection;
  cli::BatchOptions batch;
  cli::SimOptions sim;
  cli::ShrinkOptions shrink;
  cli::CompareOptions compare;
  std::string replay;
  cli::UpOptions up;
  std::vector<std::string> breakpoints;
  std::string format = "text", built_in, run_id, node;
  bool tap = false;
};

void add_format(CLI::App& command, Arguments& a) {
  command.add_option("--format", a.format, "text or json")->check(CLI::IsMember({"text", "json"}));
}

void add_break(CLI::App& command, std::vector<std::string>& breakpoints) {
  command
      .add_option(
          "--break", breakpoints,
          "Stop everything there, with a prompt, e.g. \"session 17 sees SYN-ACK from test\"")
      ->take_all()
      ->allow_extra_args(false);
}

CLI::App* add_run(CLI::App& app, Arguments& a) {
  auto* c = app.add_subcommand("run", "Run scenarios and judge them");
  auto* places =
      c->add_option("scenario", a.selection.places, "Scenario files, or directories of them");
  c->add_option("--replay", a.replay,
                "Do to packets what the links of this run did (its directory or result.json)");
  c->add_option("-o,--out", a.batch.out, "Directory for result.json, logs and captures");
  c->add_option("-j,--jobs", a.batch.jobs, "So many side by side; 0: one a core")
      ->capture_default_str();
  c->add_option("-R,--filter", a.selection.filter,
                "Only those whose NAME or NAME [VARIANT] matches the regular expression");
  c->add_option("--variant", a.selection.variant, "Only this variant of a matrix");
  c->add_option("--repeat", a.batch.repeat, "Run each so often, or until it does not pass")
      ->check(CLI::Range(1U, 1'000'000U));
  c->add_option("--seed", a.selection.seed, "In place of the scenario's seed");
  c->add_option("--junit", a.batch.junit, "Write JUnit XML to this file");
  c->add_flag("--keep", a.batch.keep, "One that does not pass stays up, with a prompt");
  add_break(*c, a.breakpoints);
  c->add_flag("--control", a.batch.control,
              "The same traffic without engines first: what mirroring costs the online service");
  c->add_flag("-v,--verbose", a.batch.verbose, "The whole report of passed runs, too");
  auto* tap = c->add_flag("--tap", a.tap, "Test Anything Protocol on standard output");
  c->add_option("--format", a.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->excludes(tap);
  c->footer(
      "Exit code: 0 passed, 1 failed, 2 wrong usage or file, 3 no verdict, 77 skipped, 130 "
      "interrupted");
  c->callback([places, &a] {
    if (places->empty() && a.replay.empty()) throw CLI::RequiredError("scenario");
  });
  return c;
}

CLI::App* add_shrink(CLI::App& app, Arguments& a) {
  auto* c = app.add_subcommand("shrink", "Find the faults of the links that a failure needs");
  c->add_option("run", a.replay, "A run that failed (its directory or result.json), or a scenario")
      ->required();
  c->add_option("--budget", a.shrink.budget, "Runs at most")->capture_default_str();
  c->add_option("--variant", a.selection.variant, "Only this variant of a matrix");
  c->add_option("--seed", a.selection.seed, "In place of the scenario's seed");
  c->add_option("-o,--out", a.shrink.out, "Directory for the minimal list and the last run");
  return c;
}

CLI::App* add_up(CLI::App& app, Arguments& a) {
  auto* c = app.add_subcommand("up", "Keep a scenario's laboratory alive, with a prompt");
  c->add_option("scenario", a.selection.places, "Scenario file")->required()->expected(1);
  c->add_option("--variant", a.selection.variant, "This variant of a matrix");
  c->add_option("--seed", a.selection.seed, "In place of the scenario's seed");
  c->add_option("-o,--out", a.up.out, "Directory for logs");
  add_break(*c, a.up.breakpoints);
  auto* traffic = c->add_flag("--traffic", a.up.traffic, "Traffic alone, without the timeline");
  c->add_flag("--idle", a.up.idle, "Neither, until you say so (`play`)")->excludes(traffic);
  return c;
}

struct VisitCommands {
  CLI::App *exec, *shell, *labs;
};
VisitCommands add_visits(CLI::App& app, Arguments& a) {
  const VisitCommands all{app.add_subcommand("exec", "Run a command in a node of a laboratory"),
                          app.add_subcommand("shell", "Open a shell in a node of a laboratory"),
                          app.add_subcommand("labs", "List the laboratories that are up")};
  for (auto* c : {all.exec, all.shell}) {
    c->add_option("--run", a.run_id, "Which laboratory, where several are up; see `labs`");
    c->add_option("node", a.node, "Node of the scenario")->required();
  }
  all.exec->footer("Behind NODE: the command and its arguments");
  all.exec->prefix_command();
  return all;
}

CLI::App* add_compare(CLI::App& app, Arguments& a) {
  auto* c = app.add_subcommand("compare", "Our engines and others under the same scenarios");
  c->add_option("scenario", a.selection.places, "Scenario files, or directories of them")
      ->required();
  c->add_option("--with", a.compare.with, "How the other engines are run: an engines file")
      ->required();
  c->add_option("--variant", a.selection.variant, "Only this variant of a matrix");
  c->add_option("--seed", a.selection.seed, "In place of the scenario's seed");
  c->add_option("-o,--out", a.compare.out, "Directory for the results of each run");
  return c;
}

CLI::App* add_sim(CLI::App& app, Arguments& a) {
  auto* c = app.add_subcommand("sim", "Session sync in virtual time, by seed");
  c->footer("Scenarios:\n" + cli::sim_scenarios());
  c->add_option("--seeds", a.sim.seeds, "A..B or one seed")->capture_default_str();
  c->add_option("--scenario", a.sim.scenario)->capture_default_str();
  c->add_option("--threads", a.sim.threads, "0: one a core")->capture_default_str();
  c->add_flag("--shrink", a.sim.shrink, "Cut a failure's faults to a minimal list");
  c->add_flag("--trace", a.sim.trace, "Print every packet");
  c->add_option("--format", a.sim.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  return c;
}

int run(Arguments& a) {
  cli::FaultList list;
  if (!a.replay.empty()) {
    auto read = cli::read_replay(a.replay, a.selection);
    if (!read) {
      std::cerr << "mirrorlab: " << read.error() << '\n';
      return 2;
    }
    list = std::move(*read);
    a.batch.replay = &list;
  }
  auto all = cli::select(a.selection);
  if (!all) {
    std::cerr << all.error() << '\n';
    return 2;
  }
  a.batch.programs = cli::own_directory();
  if (a.batch.jobs == 0) a.batch.jobs = std::max(1U, std::thread::hardware_concurrency());
  if (a.format == "json") a.batch.output = cli::Output::json;
  if (a.tap) a.batch.output = cli::Output::tap;
  const bool prompt = a.batch.keep || !a.breakpoints.empty();
  const char* which = a.batch.keep ? "--keep" : "--break";
  if (prompt && (all->size() > 1 || a.batch.repeat > 1)) {
    std::cerr << "mirrorlab: " << which
              << " is for one run; choose it with --filter or --variant\n";
    return 2;
  }
  if (prompt && a.batch.output != cli::Output::text) {
    std::cerr << "mirrorlab: " << which << " needs standard output for its prompt; leave "
              << (a.tap ? "--tap" : "--format json") << " out\n";
    return 2;
  }
  if (!a.breakpoints.empty()) {
    auto breakpoints = scenario::parse_breaks(a.breakpoints, all->front());
    if (!breakpoints) {
      std::cerr << "mirrorlab: --break: " << breakpoints.error() << '\n';
      return 2;
    }
    a.batch.breakpoints = std::move(*breakpoints);
    // Each link gets a stage, which can hold its packets.
    for (auto& link : all->front().links) link.impaired = true;
  }
  const auto terminal = prompt ? cli::Terminal::shared : cli::Terminal::none;
  return cli::supervise([&] { return cli::run_batch(*all, a.batch); }, terminal);
}

int compare(Arguments& a) {
  const auto all = cli::select(a.selection);
  if (!all) {
    std::cerr << all.error() << '\n';
    return 2;
  }
  a.compare.programs = cli::own_directory();
  return cli::supervise([&] { return cli::run_comparison(*all, a.compare); });
}

int up(Arguments& a) {
  const auto all = cli::select(a.selection);
  if (!all) {
    std::cerr << all.error() << '\n';
    return 2;
  }
  if (all->size() > 1) {
    std::cerr << "mirrorlab: choose a variant, e.g. --variant " << all->front().variant << '\n';
    return 2;
  }
  a.up.programs = cli::own_directory();
  return cli::supervise([&] { return cli::up(all->front(), a.up); }, cli::Terminal::shared);
}

// A word or an option that is nearly one of ours: what it may have been. Else nothing.
std::string near_miss(const CLI::App& app, const std::vector<std::string>& words) {
  const auto used = app.get_subcommands();
  std::vector<std::string> known;
  if (used.empty()) {
    if (words.empty() || words.front().starts_with('-')) return {};
    for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (!c->get_group().empty()) known.push_back(c->get_name());
    }
    return "no command `" + words.front() + "`" + scenario::suggestion(words.front(), known);
  }
  for (const auto* option : used.front()->get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const auto& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || name == "--" || std::ranges::count(known, name) > 0) continue;
    return used.front()->get_name() + " has no option `" + name + "`" +
           scenario::suggestion(name, known);
  }
  return {};
}

int command_line(int argc, char** argv) {
  Arguments a;
  CLI::App app{"Proves TCP traffic mirroring on one box"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "mirrorlab " MIRRORLAB_VERSION);
  const auto* run_command = add_run(app, a);
  const auto* up_command = add_up(app, a);
  const auto visits = add_visits(app, a);
  auto* validate = app.add_subcommand("validate", "Check scenario files");
  auto* explain = app.add_subcommand("explain", "Say what a scenario builds and does");
  for (auto* command : {validate, explain}) {
    command->add_option("scenario", a.selection.places, "Scenario files, or directories of them")
        ->required();
  }
  auto* list = app.add_subcommand("list", "List scenarios and what each one proves");
  list->add_option("place", a.selection.places,
                   "Files or directories; default: scenarios, else those that are installed");
  add_format(*list, a);
  auto* metrics = app.add_subcommand("metrics", "List what conditions may be about");
  auto* doctor = app.add_subcommand("doctor", "Say what this machine can and cannot do");
  add_format(*doctor, a);
  // What the harness starts itself: not for people, and not in the list.
  auto* serve = app.add_subcommand("serve", "The built-in service")->group("");
  serve->add_option("options", a.built_in, "JSON")->required();
  auto* load = app.add_subcommand("load", "The built-in clients")->group("");
  load->add_option("options", a.built_in, "JSON")->required();
  const auto* compare_command = add_compare(app, a);
  const auto* shrink = add_shrink(app, a);
  const auto* sim = add_sim(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const auto near = near_miss(app, {argv + std::min(argc, 1), argv + argc});
    if (e.get_exit_code() == 0 || near.empty()) return app.exit(e) == 0 ? 0 : 2;
    std::cerr << "mirrorlab: " << near << "\nRun with --help for more information.\n";
    return 2;
  }
  if (*run_command) return run(a);
  if (*compare_command) return compare(a);
  if (*shrink) {
    a.shrink.programs = cli::own_directory();
    return cli::shrink_command(a.replay, a.selection, a.shrink);
  }
  if (*up_command) return up(a);
  if (*visits.labs) return cli::list_labs();
  if (*visits.shell) return cli::visit(a.run_id, a.node, {});
  if (*visits.exec) {
    const auto command = visits.exec->remaining();
    if (!command.empty()) return cli::visit(a.run_id, a.node, command);
    std::cerr << "mirrorlab: exec NODE COMMAND...: which command?\n";
    return 2;
  }
  if (*sim) return cli::run_sim(a.sim);
  if (*validate) return cli::validate_files(a.selection.places);
  if (*explain) return cli::explain_files(a.selection.places);
  if (*list) {
    if (a.selection.places.empty()) a.selection.places = {cli::scenario_directory()};
    return cli::list_scenarios(a.selection.places, a.format == "json");
  }
  if (*metrics) {
    std::cout << cli::metrics_text();
    return 0;
  }
  if (*doctor) return cli::doctor(cli::own_directory(), a.format == "json");
  const auto options = nlohmann::json::parse(a.built_in);
  return *serve ? traffic::run_service(options) : traffic::run_load(options);
}
}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = command_line(argc, argv);
    if (std::cout.flush()) return code;
    std::fputs("mirrorlab: cannot write to standard output\n", stderr);
    return code == 0 ? 3 : code;
  } catch (const std::exception& e) {
    // Why not a stream: it may throw in its turn.
    std::fputs("mirrorlab: ", stderr);
    std::fputs(e.what(), stderr);
    std::fputs("\n", stderr);
    return 3;
  }
}
