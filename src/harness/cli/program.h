// A service or an engine of the scenario: started, ended, halted and started again, each run with a
// log of its own. Its end is an error unless it was asked for.
//
// Threads: any; one call at a time holds the program.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "harness/net/namespace.h"
#include "harness/process/child.h"
#include "harness/scenario/model.h"
#include "os/clock.h"
#include "os/fd.h"

namespace mirrorlab::cli {

class Program {
 public:
  struct Spec {
    std::string name;  // an engine's id, or NODE.SERVICE
    std::string node;
    std::function<std::vector<std::string>(int run)> command;  // runs count from 1
    scenario::Readiness ready;
    std::vector<std::string> ready_command;  // that of `ready`, placeholders filled in
    int stop_signal = SIGTERM;               // asks it to end
  };

  // The namespace outlives the program.
  Program(Spec spec, const net::Namespace& space, std::string log_directory);

  // It starts later than the traffic: until then it is away.
  void begin_away();
  // Starts a run and waits until it is ready. Throws std::runtime_error.
  void start();
  void kill();              // SIGKILL, and waits for the end
  void terminate();         // its stop signal, and waits for the end; SIGKILL when it does not come
  void halt();              // SIGSTOP
  void resume();            // SIGCONT
  void signal(int number);  // to a running one
  // Stops it and all it started, or lets them go on, for a look: no outage of the scenario's. One
  // that is halted stays so.
  void freeze(bool stop);
  [[nodiscard]] bool running();
  [[nodiscard]] bool halted();
  // Readable when the run under way has ended; none when none is. A copy, as another may be
  // started.
  [[nodiscard]] os::Fd watch_end();
  // Of the run under way; 0 when there is none.
  [[nodiscard]] pid_t running_pid();
  // Empty, or how the current run ended although nobody asked for it.
  [[nodiscard]] std::string unexpected_end();
  // As terminate(), for the end of the laboratory: an exit code other than 0 is returned as text.
  [[nodiscard]] std::string finish();
  [[nodiscard]] std::string describe();
  [[nodiscard]] int runs();
  // Of all runs that have ended: CPU time added up, memory at its highest.
  [[nodiscard]] process::Child::Usage usage();
  // Times, by the wall clock, at which it had been started once and did not run: killed, ended or
  // halted, until it was ready again.
  [[nodiscard]] std::vector<std::pair<os::Nanos, os::Nanos>> outages();
  [[nodiscard]] const Spec& spec() const { return spec_; }

 private:
  void wait_ready();
  void note_down();
  void note_up();
  [[nodiscard]] bool ready_now();
  [[nodiscard]] bool command_says_ready();
  void end_with(int number);

  Spec spec_;
  const net::Namespace& space_;
  std::string log_directory_;
  std::mutex mutex_;
  std::unique_ptr<process::Child> child_;
  int runs_ = 0;
  process::Child::Usage earlier_;  // of the runs before this one
  bool ended_on_purpose_ = true;
  bool halted_ = false;
  os::Nanos down_since_ = 0;  // 0: up, or never started
  std::vector<std::pair<os::Nanos, os::Nanos>> outages_;
};

// A program of the scenario by its name; throws when there is none.
using FindProgram = std::function<Program&(const std::string& name)>;

}  // namespace mirrorlab::cli
