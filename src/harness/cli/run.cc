#include "harness/cli/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>

#include "harness/cli/artifacts.h"
#include "harness/cli/box_watch.h"
#include "harness/cli/control.h"
#include "harness/cli/hands_on.h"
#include "harness/cli/interruption.h"
#include "harness/cli/judge.h"
#include "harness/cli/lab.h"
#include "harness/cli/lab_door.h"
#include "harness/cli/link_report.h"
#include "harness/cli/requirements.h"
#include "harness/report/lost_lines.h"
#include "harness/report/progress.h"
#include "harness/scenario/command_text.h"
#include "os/atomic_file.h"
#include "os/clock.h"

namespace mirrorlab::cli {

namespace {
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

// Why a run did not pass, as far as its processes and packets show: OUT/state.txt.
std::string write_state(Lab& lab, const std::string& out, std::string text = {}) {
  try {
    text += lab.describe();
  } catch (const std::exception& e) {
    text += std::string("the run cannot be described: ") + e.what() + "\n";
  }
  if (auto done = os::write_file(out + "/state.txt", text); !done) text += done.error() + "\n";
  return text;
}

void write_faults(const scenario::Scenario& s, const std::vector<wirebox::Figures>& links,
                  const std::string& out) {
  const FaultList list{s.name, s.path, s.variant, s.seed, missing_faults(links), faults_of(links)};
  if (auto done = os::write_file(out + "/" + kFaultFile, to_json_text(list)); !done) {
    throw std::runtime_error(done.error());
  }
}

void add_late_faults(const std::vector<std::string>& late, report::Result& r) {
  r.verified.metrics["timeline.late"] = static_cast<double>(late.size());
  for (const auto& what : late) {
    r.verified.notes.push_back("the traffic was over before the timeline's `" + what + "`");
  }
}

void run_phases(Lab& lab, Phases& phases, const scenario::Scenario& s, const RunOptions& o,
                const Interruption& interruption, report::Result& r) {
  const std::string& out = o.out;
  const auto stop_if_interrupted = [&] {
    if (interruption.happened()) throw std::runtime_error("interrupted");
  };
  stop_if_interrupted();
  lab.start_services();
  lab.start_taps();
  lab.start_engines();
  stop_if_interrupted();
  BoxWatch box;
  phases.begin("traffic", fmt::format("{} from {} client addresses",
                                      s.traffic.empty() ? "none" : s.traffic[0].id,
                                      s.node_of(scenario::Role::clients)->count));
  r.traffic = lab.drive_traffic();
  // Why now: an overflow comes with traffic. In the drain the engine neither waits nor runs much,
  // or runs much for what came before.
  const auto copy_in_traffic = lab.usage(scenario::EngineKind::copy);
  phases.begin("drain", "waiting for the copy engine to have mirrored everything");
  const bool drained = lab.drain();
  const std::string stuck =
      drained ? "" : "when the drain time was over:\n" + lab.describe_processes() + "at the end:\n";
  stop_if_interrupted();
  const BoxStrain strain = box.stop();
  phases.begin("verify", "comparing what clients sent with what reached the test host");
  const auto& evidence = lab.collect();
  const auto links = lab.link_figures();
  r.verified = verify::verify(evidence);
  r.links = links_json(links);
  if (o.replay != nullptr) {
    const auto why = replay_shortfall(links, o.replay->missing);
    if (!why.empty()) r.verified.notes.push_back(why);
  }
  r.copy = evidence.copy;
  r.intercept = evidence.intercept;
  add_metrics(r, lab.engine_figures());
  add_link_metrics(links, r);
  if (const auto why = shortcomings(links); !why.empty()) {
    r.verified.inconclusive = why;
  }
  add_late_faults(lab.late_faults(), r);
  r.verified.checks.push_back(
      {"drained",
       drained,
       drained ? "" : "the copy engine still had something to send when the drain time was over",
       {"lost.sessions.shutdown"}});
  if (const auto vain = lab.vain_waits(); !s.timeline.empty()) {
    r.verified.checks.push_back(
        {"timeline", vain.empty(), vain.empty() ? "" : "it waited in vain: " + vain.front(), {}});
  }
  if (r.control) add_control_metrics(*r.control, r);
  std::string box_doubt = add_box_metrics(strain, copy_in_traffic, r);
  if (const auto still = lab.wait().stood_still(); still > 0) {
    const auto words = fmt::format("it was stopped for {:.3f} s while its hosts' clocks went on",
                                   static_cast<double>(still) / 1e9);
    r.verified.notes.push_back(words);
    box_doubt += (box_doubt.empty() ? "" : ", and ") + words;
  }
  judge(s, lab.live_findings(), r, box_doubt);
  for (const auto& [name, text] : {std::pair{"link-drops.txt", drops_text(links)},
                                   {"lost.jsonl", report::lost_lines(r.verified)}}) {
    if (auto done = os::write_file(out + "/" + name, text); !done) {
      throw std::runtime_error(done.error());
    }
  }
  write_faults(s, links, out);
  if (r.verdict != "passed") write_state(lab, out, stuck);
}

// The laboratory of a run, the way into it from other terminals, and its prompt where there is one.
struct Running {
  Running(const scenario::Scenario& s, const RunOptions& o, const Interruption& interruption)
      : lab(s, o.out, o.programs, interruption) {
    lab.build(o.replay);
    door.emplace(LabDoor::About{s.name, s.variant, lab.context().out}, lab.spaces());
    if (!o.keep && o.breakpoints.empty()) return;
    watch.emplace(lab.context());
    hands_on.emplace(lab, *watch, interruption, door->id());
    for (const auto& e : o.breakpoints) watch->add(e);
    lab.wait().serve_breaks(watch->fd(), [this] { hands_on->serve_break(); });
    watch_packets();
  }
  void watch_packets() {
    lab.topology().gate().watch([this](const wirebox::Arrival& a) {
      lab.see(a);
      return watch->see(a);
    });
  }
  std::optional<SessionWatch> watch;  // the laboratory's links use it
  Lab lab;
  std::optional<LabDoor> door;
  std::optional<HandsOn> hands_on;
};

// A run that did not pass stays as it is, with a prompt.
void keep(Running& running, const report::Result& r) {
  std::cout << r.name << ": " << r.verdict << ": " << r.reason << "\n";
  running.watch_packets();
  running.hands_on->run();
}

void run_lab(const scenario::Scenario& s, const RunOptions& o, const Interruption& interruption,
             report::Progress& progress, report::Result& r) {
  Phases phases(r, progress);
  std::unique_ptr<Running> running;
  try {
    if (o.control || s.control) {
      phases.begin("control", "the same traffic without engines");
      r.control = run_control(s, o.out, o.programs, interruption);
      phases.end();
    }
    phases.begin("setup", "namespaces, links, services, engines");
    running = std::make_unique<Running>(s, o, interruption);
    run_phases(running->lab, phases, s, o, interruption, r);
  } catch (const std::exception& e) {
    r.verdict = "error";
    r.reason = e.what();
    phases.end();
    const bool asked_for =
        interruption.happened() || (running && running->hands_on && running->hands_on->left());
    if (running && !asked_for) std::cerr << write_state(running->lab, o.out);
  }
  phases.end();
  if (o.keep && running && r.verdict != "passed" && !interruption.happened() &&
      !running->hands_on->left())
    keep(*running, r);
  phases.begin("teardown", "ending processes; the namespaces go with them");
  running.reset();
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
  r.whole_ledger = o.verbose;
  r.reproduce = fmt::format(
      "mirrorlab run {}{} --seed {}", scenario::quoted_word(s.path),
      s.variant.empty() ? "" : " --variant " + scenario::quoted_word(s.variant), s.seed);
  if (o.replay != nullptr) r.reproduce += " --replay " + scenario::quoted_word(o.out);
  const Interruption interruption;
  // A prompt and a line that is redrawn would be in each other's way.
  report::Progress progress = o.breakpoints.empty() ? report::Progress::for_standard_error()
                                                    : report::Progress(STDERR_FILENO, false);
  progress.headline(fmt::format("{}{}  (seed {})", s.name,
                                s.variant.empty() ? "" : " [" + s.variant + "]", s.seed));
  if (const auto missing = missing_for(s, o.programs); !missing.empty()) {
    r.verdict = "skipped";
    r.reason = missing;
  } else {
    run_lab(s, o, interruption, progress, r);
  }
  r.artifacts = settle_artifacts(s, o.out, r.verdict == "passed");
  if (auto done = os::write_file(o.out + "/result.json", report::to_json(r).dump(2) + "\n");
      !done) {
    std::cerr << "mirrorlab: " << done.error() << '\n';
    // What the run came to is in its report on standard output alone.
    const std::string before = r.reason.empty() ? r.verdict : r.verdict + ": " + r.reason;
    r.verdict = "error";
    r.reason = done.error() + "; the run itself: " + before;
  }
  return r;
}

}  // namespace mirrorlab::cli
