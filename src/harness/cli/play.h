// What a scenario does once its laboratory stands, each at its time: the traffic, and beside it the
// timeline. It can begin again when it is over.
//
// Threads: the main one (traffic dies with the thread that started it); the timeline has its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/cli/lab_context.h"
#include "harness/cli/lab_wait.h"
#include "harness/cli/program.h"
#include "harness/cli/timeline.h"
#include "harness/cli/topology.h"
#include "harness/process/child.h"

namespace mirrorlab::cli {

class Play {
 public:
  // A program of a traffic. A command on clients that are hosts of their own has one on each.
  struct Run {
    const scenario::Traffic* traffic = nullptr;
    uint32_t client = 0;                    // its number, from 1; 0: it is not of one client
    std::unique_ptr<process::Child> child;  // none before it was started
    os::Nanos due = os::kNever;             // time of the laboratory
    os::Nanos began = 0, took = 0;          // of the steady clock
    int code = -1;                          // none before it has ended
    [[nodiscard]] bool running() const { return child && code < 0; }
    [[nodiscard]] std::string name() const {
      return traffic->id + (client == 0 ? "" : "." + std::to_string(client));
    }
  };

  // All of them outlive it.
  Play(const LabContext& lab, Topology& topology, const FindProgram& find);

  // All traffic and the timeline count from `now` (of the laboratory).
  void begin(os::Nanos now);
  // One traffic, at once, whatever the scenario says of its time. Throws std::runtime_error.
  void start(Run& run);
  void stop(Run& run);
  // Starts what is due; those that have ended since the last turn.
  std::vector<Run*> turn(os::Nanos now);
  // When the next traffic is due; kNever.
  [[nodiscard]] os::Nanos next_start() const;
  // No traffic runs or is due.
  [[nodiscard]] bool over() const;
  // Everything that a turn is worth taking for, but for next_start().
  void watch(WaitSet& set) const;
  // Stops all that runs, or lets it go on. The time of the laboratory stands still before, and goes
  // on before.
  void freeze(bool stop);

  [[nodiscard]] std::vector<Run>& runs() { return runs_; }
  [[nodiscard]] Timeline& timeline() { return timeline_; }
  [[nodiscard]] std::string log_of(const Run& run) const;
  // The state of what runs.
  [[nodiscard]] std::string describe();

 private:
  void run_command(const std::string& command, const std::string& node) const;

  const LabContext& lab_;
  const Topology& topology_;
  FindProgram find_;
  std::vector<Run> runs_;
  bool began_ = false;
  Timeline timeline_;
};

}  // namespace mirrorlab::cli
