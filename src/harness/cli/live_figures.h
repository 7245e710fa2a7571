// What is known of a run while it lasts, asked by name: leaks, open connections, processes, what
// the built-in clients have done, and our engines' counters (which they write when they get
// SIGUSR1).
//
// Only what is wanted is looked at. Threads: one, but for leave_engines().
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "harness/cli/lab_context.h"
#include "harness/cli/leak_watch.h"
#include "harness/cli/program.h"
#include "harness/cli/topology.h"
#include "os/clock.h"

namespace mirrorlab::cli {

class LiveFigures {
 public:
  // `wanted`: names of metrics. Throws std::runtime_error.
  LiveFigures(const LabContext& lab, const Topology& topology, FindProgram find,
              std::set<std::string> wanted);
  // The wanted figures that can be had now; those of an engine that does not answer are not there.
  [[nodiscard]] std::map<std::string, double> look(os::Nanos now);
  // From now on engines are not asked: what they write is somebody else's answer. Returns when no
  // question is under way.
  void leave_engines();

 private:
  void look_at_program(const std::string& name, std::map<std::string, double>& figures);
  void ask_engine(const scenario::Engine& engine, std::map<std::string, double>& figures);
  [[nodiscard]] bool wants(const std::string& name) const { return wanted_.contains(name); }
  [[nodiscard]] bool wants_counters(const std::string& engine) const;
  [[nodiscard]] uint64_t connections(scenario::Role role) const;
  void look_at_traffic(std::map<std::string, double>& figures) const;

  const LabContext& lab_;
  const Topology& topology_;
  FindProgram find_;
  const std::set<std::string> wanted_;
  std::vector<std::unique_ptr<LeakWatch>> leaks_;
  std::mutex asking_;
  bool may_ask_ = true;
  os::Nanos asked_at_ = 0;
  std::map<std::string, double> counters_;  // as of the last answers
};

}  // namespace mirrorlab::cli
