// What goes wrong in a scenario, at its times after the traffic began, or when what it waits for
// has come: a figure (at the looks of the live watch), a session's packet, a program that is ready.
// Times are the laboratory's: while its gate is shut they stand still, and nothing goes wrong.
//
// Threads: its own carries the faults out; any may call look() and seen(), the rest is for one. Its
// own lives as
// long as the timeline: a process dies with the thread that started it (PR_SET_PDEATHSIG), so what
// was started again by a timeline ends with it.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/cli/program.h"
#include "harness/cli/socket_buffers.h"
#include "harness/cli/topology.h"
#include "os/clock.h"
#include "os/fd.h"

namespace mirrorlab::cli {

class Timeline {
 public:
  // Runs a command of the scenario on a node to its end; throws when it fails.
  using RunCommand = std::function<void(const std::string& command, const std::string& node)>;

  Timeline(const scenario::Scenario& scenario, Topology& topology, FindProgram find,
           RunCommand run_command);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  // Time of the laboratory. When it has begun before, it begins again.
  void begin(os::Nanos now);
  // What is known now of figures and programs; from the live watch.
  void look(const std::map<std::string, double>& figures);
  // The packet that `fault` waits for has passed a link.
  void seen(const scenario::Fault& fault);
  // What was waited for in vain, in words. Once it is over().
  [[nodiscard]] const std::vector<std::string>& in_vain() const { return in_vain_; }
  // The traffic is over: what begins from here on comes late.
  void traffic_is_over();
  // Nothing is left to be done.
  [[nodiscard]] bool idle();
  // The gate was shut: returns when no fault is under way any more.
  void stand_still();
  // The gate is open again.
  void go_on();
  // Readable when something was done, or went wrong, since take_news().
  [[nodiscard]] int fd() const { return news_.get(); }
  // Lines of history() that were not taken yet.
  [[nodiscard]] std::vector<std::string> take_news();
  // What is to come: "+1.5s kill intercept", a line each.
  [[nodiscard]] std::string to_come();
  // Empty, or what went wrong so far.
  [[nodiscard]] std::string failure();
  // Faults that began when the traffic was over: they have shown little. Once it is over().
  [[nodiscard]] const std::vector<std::string>& late() const { return late_; }
  // The next step, with its time; empty when there is none.
  [[nodiscard]] std::string next();
  // "+1.002s kill intercept", a line each.
  [[nodiscard]] std::string history();

 private:
  struct Step {
    std::string words;
    std::function<void()> act;
    bool starts = true;  // a fault's beginning; its end otherwise
  };
  struct Waiting {
    const scenario::Fault* fault;
    std::string last;  // how it looked last
    bool seen = false;
  };
  void schedule_all();
  void schedule(const scenario::Fault& fault, os::Nanos from);
  void schedule_link(const scenario::Fault& fault, os::Nanos from);
  void schedule_buffers(const scenario::Fault& fault, os::Nanos from);
  void come(const scenario::Fault& fault, const std::string& how);
  void give_up_waits();
  [[nodiscard]] os::Nanos next_time() const;
  [[nodiscard]] bool carried_out() const { return steps_.empty() && waiting_.empty(); }
  void add(os::Nanos when, Step step);
  [[nodiscard]] os::Nanos now() const { return topology_.gate().time().now - began_; }
  void run();
  void tell(os::Nanos when, const std::string& words);

  const scenario::Scenario& scenario_;
  Topology& topology_;
  FindProgram find_;
  RunCommand run_command_;
  os::Nanos began_ = 0;
  std::multimap<os::Nanos, Step> steps_;  // by time after begin()
  std::vector<Waiting> waiting_;
  std::map<const scenario::Fault*, uint64_t> changes_;
  std::map<const scenario::Fault*, SocketBuffers> buffers_;  // as they were before
  std::vector<std::string> in_vain_;
  std::vector<std::string> late_;
  std::vector<std::string> history_;
  size_t told_ = 0;  // lines of it
  std::string failure_;
  bool traffic_over_ = false;
  bool acting_ = false;
  bool ending_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  os::Fd news_;
  std::thread thread_;
};

}  // namespace mirrorlab::cli
