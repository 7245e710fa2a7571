#include "harness/cli/shrink.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "harness/cli/minimize.h"
#include "harness/cli/out_directory.h"
#include "harness/cli/run.h"
#include "harness/cli/run_process.h"
#include "os/atomic_file.h"
#include "os/error.h"

namespace mirrorlab::cli {

namespace {
constexpr int kInterrupted = 130, kNoVerdict = 3;
// Why again: for a run that the box spoilt nothing is known. Why not for ever: the box stays so.
constexpr int kMostAttempts = 5;

struct Interrupted {};

// Runs the scenario again and again, each time in a process of its own.
class Runs {
 public:
  Runs(const scenario::Scenario& scenario, const ShrinkOptions& options)
      : scenario_(scenario), options_(options) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) throw std::runtime_error(os::error_text("cannot watch signals"));
  }

  // With these faults; null: with those chance brings. Its files are in OUT/run. What is
  // inconclusive is run again, within the budget.
  report::Outcome run(const FaultList* faults, const std::string& what) {
    for (int attempt = 1;; ++attempt) {
      auto outcome = run_once(faults);
      std::cout << fmt::format("run {}, {}: {} {}\n", count_, what, outcome.verdict, outcome.reason)
                << std::flush;
      const bool spoilt = outcome.verdict == "inconclusive";
      if (!spoilt || attempt == kMostAttempts || count_ >= options_.budget) return outcome;
    }
  }
  [[nodiscard]] size_t count() const { return count_; }

 private:
  report::Outcome run_once(const FaultList* faults) {
    ++count_;
    RunOptions o;
    o.out = options_.out + "/run";
    o.programs = options_.programs;
    o.replay = faults;
    std::filesystem::create_directories(o.out + "/logs");
    RunProcess process([&] { return report::outcome_of(run_scenario(scenario_, o)); },
                       o.out + "/logs/harness.log");
    bool interrupted = false;
    while (!process.take()) {
      std::array<pollfd, 2> fds{{{process.fd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
      ::poll(fds.data(), fds.size(), -1);
      signalfd_siginfo info{};
      if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
      interrupted = true;
      process.signal(static_cast<int>(info.ssi_signo));
    }
    if (interrupted) throw Interrupted();
    report::Outcome outcome;
    std::string how;
    if (!process.outcome(outcome, how)) outcome.reason = how;
    return outcome;
  }

  const scenario::Scenario& scenario_;
  const ShrinkOptions& options_;
  os::Fd signals_;
  size_t count_ = 0;
};

FaultList only(const FaultList& list, const std::vector<size_t>& kept) {
  FaultList some = list;
  some.faults.clear();
  for (const size_t i : kept) some.faults.push_back(list.faults[i]);
  return some;
}

int give_up(const std::string& why) {
  std::cout << "nothing to shrink: " << why << '\n';
  return kNoVerdict;
}

void print(const FaultList& minimal, const Minimized& m, const ShrinkOptions& o) {
  std::cout << fmt::format("\n{} needs {} fault{} of its links{}:\n", "the failure",
                           minimal.faults.size(), minimal.faults.size() == 1 ? "" : "s",
                           m.minimal ? "" : " at most (the budget is over)");
  for (const auto& f : minimal.faults) std::cout << "  " << fault_text(f) << '\n';
  std::cout << fmt::format("replay it: mirrorlab run --replay {}/{}\n", o.out, kFaultFile);
}

// What a run that failed did to packets; empty when there is none.
tl::expected<FaultList, std::string> failing_list(Runs& runs, const ShrinkOptions& o) {
  const auto outcome = runs.run(nullptr, "faults by chance");
  if (outcome.verdict != "failed") {
    return tl::unexpected(fmt::format("the run ended with `{}`", outcome.verdict));
  }
  return read_faults(o.out + "/run");
}

int search(Runs& runs, const FaultList& list, const ShrinkOptions& o) {
  const auto fails = [&](const FaultList& faults) {
    const auto what = fmt::format("{} of {} faults", faults.faults.size(), list.faults.size());
    return runs.run(&faults, what).verdict == "failed";
  };
  if (list.missing > 0) {
    return give_up(fmt::format("{} faults of that run have no names", list.missing));
  }
  if (runs.count() >= o.budget) return give_up("the budget is over");
  if (!fails(list)) return give_up("with the same faults again it does not fail");
  const auto m = minimize(list.faults.size(), o.budget - runs.count(),
                          [&](const auto& kept) { return fails(only(list, kept)); });
  const FaultList minimal = only(list, m.kept);
  if (auto done = os::write_file(o.out + "/" + kFaultFile, to_json_text(minimal)); !done) {
    std::cerr << "mirrorlab: " << done.error() << '\n';
    return kNoVerdict;
  }
  print(minimal, m, o);
  return 0;
}
}  // namespace

int shrink(const scenario::Scenario& scenario, const FaultList* list, const ShrinkOptions& o) {
  if (auto ready = make_run_directory(o.out + "/run"); !ready) {
    std::cerr << "mirrorlab: " << ready.error() << '\n';
    return 2;
  }
  try {
    Runs runs(scenario, o);
    if (list != nullptr) return search(runs, *list, o);
    const auto found = failing_list(runs, o);
    return found ? search(runs, *found, o) : give_up(found.error());
  } catch (const Interrupted&) {
    return kInterrupted;
  }
}

}  // namespace mirrorlab::cli
