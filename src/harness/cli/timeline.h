// What goes wrong in a scenario, at its times after the traffic began.
//
// Threads: its own carries the faults out; begin() and finish() from one other.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/cli/program.h"
#include "harness/cli/topology.h"
#include "os/clock.h"

namespace mirrorlab::cli {

class Timeline {
 public:
  using FindProgram = std::function<Program&(const std::string& name)>;

  Timeline(const scenario::Scenario& scenario, Topology& topology, FindProgram find);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  void begin(os::Nanos now);
  // The traffic is over: what began is brought to its end (restarts, `for`), what had not begun
  // never will. Throws when a fault could not be carried out.
  void finish();
  // Empty, or what went wrong so far.
  [[nodiscard]] std::string failure();
  // Faults that came too late: the traffic was over.
  [[nodiscard]] const std::vector<std::string>& missed() const { return missed_; }
  // "+1.002s kill intercept", a line each.
  [[nodiscard]] std::string history();

 private:
  struct Step {
    std::string words;
    std::function<void()> act;
    bool starts = true;  // a fault's beginning; its end otherwise
  };
  void schedule(const scenario::Fault& fault);
  void schedule_link(const scenario::Fault& fault);
  void add(scenario::Duration when, Step step);
  void run();
  void stop(bool at_once);

  const scenario::Scenario& scenario_;
  Topology& topology_;
  FindProgram find_;
  os::Nanos began_ = 0;
  std::multimap<os::Nanos, Step> steps_;  // by time after begin()
  std::map<const scenario::Fault*, uint64_t> changes_;
  std::vector<std::string> missed_;
  std::string history_;
  std::string failure_;
  bool finishing_ = false;
  bool aborted_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace mirrorlab::cli
