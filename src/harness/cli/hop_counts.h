// What lies between the taps of a laboratory, counted for the ledger: link stages, devices,
// kernels, reply queues, and the engines' own figures.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "harness/cli/kernel_counters.h"
#include "harness/cli/lab_context.h"
#include "harness/cli/program.h"
#include "harness/cli/topology.h"
#include "harness/verify/hops.h"

namespace mirrorlab::cli {

class HopCounts {
 public:
  // When the taps begin to watch. Both outlive it.
  HopCounts(const LabContext& lab, const Topology& topology);

  // While an engine still runs: it is about to be ended.
  void engine_ends(const scenario::Engine& engine, Program& program);
  // Before the taps end, then after them.
  void take_links();
  void take_kernels();
  // When the engines' figures are there.
  void take_engines(const FindProgram& find);

  [[nodiscard]] const verify::Hops& hops() const { return hops_; }

 private:
  struct Ending {
    os::Nanos time = 0;
    bool ran = false;
  };
  void add_devices(const std::string& node, const std::string& role);
  void add_queues(const scenario::Node& node, const std::map<std::string, uint64_t>& drops);
  using Step = std::pair<size_t, bool>;  // a link, passed from its end a
  using Steps = std::set<Step>;
  void add_steps(const std::string& from, const std::string& to, Steps& steps) const;
  void take_way(scenario::Role from, scenario::Role to);
  void take_queue(const scenario::Engine& intercept);
  [[nodiscard]] DeviceDrops device(const Plan::End& end) const;

  const LabContext& lab_;
  const Topology& topology_;
  std::map<std::string, DropCounters> kernels_before_;
  std::map<std::string, std::map<std::string, uint64_t>> queues_before_;  // drops, by node
  std::map<std::string, std::map<std::string, DeviceDrops>> devices_;  // by node, "": link stages
  std::vector<wirebox::Figures> links_;
  std::map<std::string, Ending> endings_;  // by engine
  verify::Hops hops_;
};

}  // namespace mirrorlab::cli
