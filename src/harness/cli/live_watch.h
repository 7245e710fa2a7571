// The conditions of a scenario that can be told while the run lasts: `always` at every look (each
// 20 ms; engines' counters each 100 ms), `eventually` from its `after` on until it was met. Times
// are the laboratory's.
//
// Threads: its own looks; everything else from one other.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "harness/cli/live_figures.h"
#include "harness/scenario/expression.h"

namespace mirrorlab::cli {

// What became of one condition while the run lasted.
struct LiveFinding {
  uint64_t looks = 0;          // at which its figures were there
  std::optional<double> at_s;  // always: first failed; eventually: first held
  std::string actual;          // then; else at the last look
};

struct LiveFindings {
  std::vector<LiveFinding> always, eventually;  // as in the scenario
  std::map<std::string, double> last;           // figures at the last look that had them
  double ended_s = 0;
};

class LiveWatch {
 public:
  // Throws std::runtime_error.
  // `on_look` gets the figures of every look, also those that the timeline waits for.
  using OnLook = std::function<void(const std::map<std::string, double>& figures)>;
  LiveWatch(const LabContext& lab, const Topology& topology, FindProgram find, OnLook on_look);
  ~LiveWatch();
  LiveWatch(const LiveWatch&) = delete;
  LiveWatch& operator=(const LiveWatch&) = delete;

  void begin(os::Nanos now);
  // The engines are asked by the drain from here on.
  void leave_engines() { figures_.leave_engines(); }
  // Ends the watch. Throws when a look failed.
  const LiveFindings& finish();

 private:
  void run();
  void look(os::Nanos now);
  void stop();

  const scenario::Scenario& scenario_;
  const wirebox::Gate& gate_;
  LiveFigures figures_;
  OnLook on_look_;
  LiveFindings findings_;
  std::string failure_;
  os::Nanos began_ = 0;
  bool ending_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace mirrorlab::cli
