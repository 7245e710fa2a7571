#include "harness/cli/batch.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "harness/cli/batch_schedule.h"
#include "harness/cli/out_directory.h"
#include "harness/cli/run.h"
#include "harness/cli/run_process.h"
#include "harness/report/batch_progress.h"
#include "harness/report/junit.h"
#include "os/atomic_file.h"
#include "os/clock.h"
#include "os/error.h"

namespace mirrorlab::cli {

namespace {
constexpr int kInterrupted = 130, kFailed = 1, kNoVerdict = 3, kSkipped = 77;
constexpr int kRedrawMs = 100;
using report::Outcome;

bool several(const std::vector<scenario::Scenario>& all) {
  return std::ranges::any_of(all, [&](const auto& s) { return s.name != all.front().name; });
}

bool complain(const std::string& words) {
  std::cerr << "mirrorlab: " << words << '\n';
  return false;
}

bool write_or_complain(const std::string& file, const std::string& text) {
  const auto done = os::write_file(file, text);
  return done ? true : complain(done.error());
}

RunOptions run_options(const BatchOptions& o, const std::string& directory) {
  RunOptions run;
  run.out = directory;
  run.programs = o.programs;
  run.json = o.output != Output::text;
  run.replay = o.replay;
  run.keep = o.keep;
  run.breakpoints = o.breakpoints;
  run.control = o.control;
  run.verbose = o.verbose;
  return run;
}

// The batch as it runs: starts, watches and prints.
class Batch {
 public:
  Batch(const std::vector<scenario::Scenario>& all, const BatchOptions& o)
      : all_(all),
        o_(o),
        schedule_(serial_ones(all), o.jobs, o.repeat),
        progress_(report::BatchProgress::for_standard_error(all.size())),
        done_(all.size()) {
    const bool many = several(all);
    for (const auto& s : all) directories_.push_back(run_directory(o, s, many));
  }

  int run() {
    if (!outputs_have_places()) return 2;
    const bool well = all_.size() == 1 && o_.repeat <= 1 ? run_the_only_one() : run_side_by_side();
    std::vector<int> codes;
    for (const auto& o : outcomes()) codes.push_back(o.code);
    if (!well || !write_summaries()) codes.push_back(kNoVerdict);
    print_end(codes);
    if (interrupted_) codes.push_back(kInterrupted);
    if (!std::cout.flush()) {
      complain("cannot write to standard output: the report is not whole");
      codes.push_back(kNoVerdict);
    }
    return combined_exit_code(codes);
  }

 private:
  static std::vector<bool> serial_ones(const std::vector<scenario::Scenario>& all) {
    std::vector<bool> serial;
    for (const auto& s : all) {
      serial.push_back(std::ranges::find(s.labels, "serial") != s.labels.end());
    }
    return serial;
  }

  // Before anything runs.
  bool outputs_have_places() {
    for (size_t i = 0; i < all_.size(); ++i) {
      if (auto ready = make_run_directory(directories_[i]); !ready) return complain(ready.error());
      if (all_[i].variant.empty()) continue;
      const auto summary = std::filesystem::path(directories_[i]).parent_path() / "result.json";
      if (auto ready = clear_for_report(summary); !ready) return complain(ready.error());
    }
    if (o_.junit.empty()) return true;
    const auto ready = clear_for_report(o_.junit);
    return ready ? true : complain("--junit: " + ready.error());
  }

  bool run_the_only_one() {
    finish(0, report::outcome_of(run_scenario(all_[0], run_options(o_, directories_[0]))));
    print_next();
    return true;
  }

  bool run_side_by_side() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    const os::Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return complain(os::error_text("cannot watch signals"));
    start_what_may();
    while (!schedule_.over()) {
      std::vector<pollfd> fds{{signals.get(), POLLIN, 0}};
      for (const auto& [run, process] : running_) fds.push_back({process->fd(), POLLIN, 0});
      ::poll(fds.data(), fds.size(), progress_.redraws() && o_.jobs > 1 ? kRedrawMs : -1);
      if (fds[0].revents != 0) interrupt(signals);
      end_what_has();
      start_what_may();
      print_next();
      if (o_.jobs > 1) draw();
    }
    progress_.clear();
    return true;
  }

  void start_what_may() {
    while (const auto run = schedule_.next()) {
      const auto& s = all_[*run];
      const auto options = run_options(o_, directories_[*run]);
      began_[*run] = os::steady_now();
      // With others beside it, its own progress would be in their way.
      const std::string log = o_.jobs > 1 ? directories_[*run] + "/logs/harness.log" : "";
      running_[*run] = std::make_unique<RunProcess>(
          [&] { return report::outcome_of(run_scenario(s, options)); }, log);
    }
  }

  void end_what_has() {
    for (auto it = running_.begin(); it != running_.end();) {
      if (!it->second->take()) {
        ++it;
        continue;
      }
      const size_t run = it->first;
      Outcome outcome;
      std::string how;
      if (!it->second->outcome(outcome, how)) {
        outcome = without_result(run, how);
      }
      it = running_.erase(it);
      seconds_[run] += outcome.seconds;
      if (schedule_.ended(run, outcome.code == 0)) {
        outcome.runs = schedule_.times(run);
        outcome.seconds = seconds_[run];
        finish(run, std::move(outcome));
      }
    }
  }

  Outcome without_result(size_t run, const std::string& how) const {
    const auto& s = all_[run];
    Outcome o;
    o.name = s.name;
    o.variant = s.variant;
    o.path = s.path;
    o.seed = s.seed;
    o.reason = interrupted_ ? "interrupted" : how;
    o.code = interrupted_ ? kInterrupted : kNoVerdict;
    o.text = fmt::format("\n{}: ERROR  (seed {})\n  why        {}\n", o.title(), s.seed, o.reason);
    if (o_.jobs > 1) o.text += "  files      " + directories_[run] + "/logs/harness.log\n";
    return o;
  }

  void interrupt(const os::Fd& signals) {
    signalfd_siginfo info{};
    while (::read(signals.get(), &info, sizeof info) == sizeof info) {
      interrupted_ = true;
      schedule_.stop();
      for (const auto& [run, process] : running_) {
        process->signal(static_cast<int>(info.ssi_signo));
      }
    }
  }

  void finish(size_t run, Outcome outcome) {
    if (all_.size() > 1 || o_.repeat > 1) {
      progress_.clear();
      if (o_.jobs > 1) progress_.ended(outcome);
    }
    done_[run] = std::move(outcome);
  }

  // In their order: what has ended, as far as all before it have.
  void print_next() {
    for (; printed_ < done_.size() && done_[printed_]; ++printed_) {
      if (o_.output != Output::text) continue;
      progress_.clear();
      std::cout << report_of(*done_[printed_]) << std::flush;
    }
  }

  [[nodiscard]] std::string report_of(const Outcome& o) const {
    const std::string runs = o.runs > 1 ? fmt::format(", run {} times", o.runs) : "";
    const bool brief = all_.size() > 1 && o.verdict == "passed" && !o_.verbose;
    if (brief) return fmt::format("passed   {}  ({:.1f} s{})\n", o.title(), o.seconds, runs);
    if (all_.size() > 1 && o.verdict == "skipped") {
      return fmt::format("skipped  {}: {}\n", o.title(), o.reason);
    }
    return o.text + (runs.empty() ? "" : fmt::format("  repeated   {} runs\n", o.runs));
  }

  [[nodiscard]] std::vector<Outcome> outcomes() const {
    std::vector<Outcome> list;
    for (const auto& o : done_) {
      if (o) list.push_back(*o);
    }
    return list;
  }

  bool write_summaries() {
    bool well = true;
    for (size_t first = 0; first < all_.size();) {
      size_t end = first;
      std::vector<Outcome> variants;
      for (; end < all_.size() && all_[end].name == all_[first].name; ++end) {
        if (!all_[end].variant.empty() && done_[end]) variants.push_back(*done_[end]);
      }
      if (!variants.empty()) {
        const auto parent = std::filesystem::path(directories_[first]).parent_path().string();
        well =
            write_or_complain(parent + "/result.json", matrix_summary(variants).dump(2) + "\n") &&
            well;
      }
      first = end;
    }
    if (o_.junit.empty()) return well;
    return write_or_complain(o_.junit, report::to_junit(with_those_not_run())) && well;
  }

  // Every run of the batch has its line in a list, also those an interruption kept from running.
  [[nodiscard]] std::vector<Outcome> with_those_not_run() const {
    std::vector<Outcome> list;
    for (size_t i = 0; i < all_.size(); ++i) {
      list.push_back(done_[i] ? *done_[i] : without_result(i, "interrupted"));
    }
    return list;
  }

  void print_end(const std::vector<int>& codes) {
    if (o_.output == Output::tap) {
      std::cout << report::to_tap(with_those_not_run()) << std::flush;
    } else if (o_.output == Output::json) {
      nlohmann::json printed = nlohmann::json::array();
      for (const auto& o : outcomes()) printed.push_back(o.json);
      std::cout << (printed.size() == 1 ? printed[0] : printed).dump(2) << std::endl;
    } else if (all_.size() > 1) {
      // Those behind one that did not run have not been printed yet.
      for (size_t i = printed_; i < done_.size(); ++i) {
        if (done_[i]) std::cout << report_of(*done_[i]);
      }
      const size_t ran = outcomes().size();
      std::cout << fmt::format(
          "\n{} runs: {} passed, {} failed, {} without a verdict, {} skipped{}\n", ran,
          std::ranges::count(codes, 0), std::ranges::count(codes, kFailed),
          std::ranges::count(codes, kNoVerdict) + std::ranges::count(codes, kInterrupted),
          std::ranges::count(codes, kSkipped),
          ran < all_.size() ? fmt::format("; interrupted, {} not run", all_.size() - ran) : "");
      std::cout.flush();
    }
  }

  void draw() {
    std::vector<std::string> titles;
    for (const auto& [run, process] : running_) {
      const auto seconds = static_cast<double>(os::steady_now() - began_[run]) / 1e9;
      const auto& s = all_[run];
      titles.push_back(fmt::format("{}{} {:.1f} s", s.name,
                                   s.variant.empty() ? "" : " [" + s.variant + "]", seconds));
    }
    progress_.draw(titles);
  }

  const std::vector<scenario::Scenario>& all_;
  const BatchOptions& o_;
  BatchSchedule schedule_;
  report::BatchProgress progress_;
  std::vector<std::string> directories_;
  std::map<size_t, std::unique_ptr<RunProcess>> running_;
  std::map<size_t, os::Nanos> began_;
  std::map<size_t, double> seconds_;
  std::vector<std::optional<Outcome>> done_;
  size_t printed_ = 0;
  bool interrupted_ = false;
};
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

nlohmann::json matrix_summary(const std::vector<report::Outcome>& variants) {
  std::vector<int> codes;
  nlohmann::json list = nlohmann::json::array();
  const report::Outcome* worst = &variants.front();
  for (const auto& o : variants) codes.push_back(o.code);
  const int code = combined_exit_code(codes);
  for (const auto& o : variants) {
    if (o.code == code && worst->code != code) worst = &o;
    list.push_back({{"variant", o.variant},
                    {"verdict", o.verdict},
                    {"reason", o.reason},
                    {"result", o.variant + "/result.json"}});
  }
  return {{"schema_version", 1},
          {"scenario", {{"name", worst->name}, {"path", worst->path}}},
          {"seed", worst->seed},
          {"verdict", worst->verdict},
          {"reason", worst->reason.empty() ? "" : worst->variant + ": " + worst->reason},
          {"variants", list}};
}

int run_batch(const std::vector<scenario::Scenario>& all, const BatchOptions& o) {
  return Batch(all, o).run();
}

}  // namespace mirrorlab::cli
