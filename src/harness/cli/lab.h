// The running laboratory of one scenario: topology, services, engines, taps, traffic, timeline.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/cli/box_state.h"
#include "harness/cli/hop_counts.h"
#include "harness/cli/interruption.h"
#include "harness/cli/lab_context.h"
#include "harness/cli/lab_wait.h"
#include "harness/cli/live_watch.h"
#include "harness/cli/play.h"
#include "harness/cli/program.h"
#include "harness/cli/session_watch.h"
#include "harness/cli/taps.h"
#include "harness/cli/topology.h"
#include "harness/verify/verify.h"

namespace mirrorlab::cli {

class Lab {
 public:
  // `programs`: where mirrorlab, mirror-copy and mirror-intercept are. Throws std::runtime_error.
  Lab(const scenario::Scenario& scenario, const std::string& out, const std::string& programs,
      const Interruption& interruption);

  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  // `replay`: faults of the links in place of chance; may be null.
  void build(const FaultList* replay = nullptr);
  void start_services();
  void start_taps();
  // Intercepts first: copy engines connect to them.
  void start_engines();
  // Runs every traffic to its end, and the timeline beside it; the built-in clients' own figures.
  // As drain() and collect(), it stands still while a breakpoint is served.
  nlohmann::json drive_traffic();
  // Waits until nothing is on its way to the test host any more. False when the time is over.
  bool drain();
  // Ends engines (their counters are then written), links and taps.
  const verify::Evidence& collect();

  // What became of the conditions while the run lasted; after collect().
  [[nodiscard]] const LiveFindings& live_findings() const { return live_; }
  // What each engine counted in all its runs, by id.
  [[nodiscard]] std::map<std::string, nlohmann::json> engine_figures();
  [[nodiscard]] std::vector<wirebox::Figures> link_figures() const;
  // Faults of the timeline that came after the traffic was over.
  [[nodiscard]] std::vector<std::string> late_faults() const;
  // Of all engines of a kind, which have ended.
  [[nodiscard]] process::Child::Usage usage(scenario::EngineKind kind);
  // What the timeline waited for in vain.
  [[nodiscard]] std::vector<std::string> vain_waits() const;
  // For the links: what a session's packet brings about.
  void see(const wirebox::Arrival& arrival) {
    if (sessions_) sessions_->see(arrival);
  }
  // For a run that failed: every process's state and last output, the timeline, and the last
  // packets at each tap (which are written as captures, too).
  [[nodiscard]] std::string describe();
  // The first part of it, which ends nothing.
  [[nodiscard]] std::string describe_processes();

  // For hands on, after build(): all there is in it.
  [[nodiscard]] Topology& topology() { return *topology_; }
  [[nodiscard]] const LabContext& context() const { return context_; }
  [[nodiscard]] LabWait& wait() { return *wait_; }
  [[nodiscard]] Play& play() { return *play_; }
  // What drive_traffic() begins with: traffic, timeline, and what the timeline waits for.
  void begin_play();
  // Network namespaces by node; NODE.N for the N-th of clients that have one of their own.
  [[nodiscard]] std::map<std::string, int> spaces() const;
  [[nodiscard]] const std::vector<std::unique_ptr<Program>>& programs() const { return programs_; }

 private:
  Program& program(const std::string& name);
  void add_program(Program::Spec spec);
  void take_figures(Play::Run& ended, nlohmann::json& figures);
  void check_all_well();
  void watch_sessions();
  void finish_timeline(os::Nanos until);
  [[nodiscard]] FindProgram find_program() {
    return [this](const std::string& name) -> Program& { return program(name); };
  }

  const scenario::Scenario& scenario_;
  Plan plan_;
  LabContext context_;
  const Interruption& interruption_;
  std::unique_ptr<SessionWatch> sessions_;  // the links use it
  std::unique_ptr<Topology> topology_;
  std::unique_ptr<LabWait> wait_;
  std::vector<std::unique_ptr<Program>> programs_;  // in the order of their start
  std::unique_ptr<Play> play_;
  std::unique_ptr<LiveWatch> watch_;
  std::unique_ptr<Taps> taps_;
  std::unique_ptr<HopCounts> hop_counts_;
  BoxDrops box_before_;
  verify::Evidence evidence_;
  LiveFindings live_;
};

}  // namespace mirrorlab::cli
