// A run of a batch in a process, pid namespace and mount namespace of its own: it shares nothing
// with those beside it, and its crash is its own.
//
// Threads: the caller has one (it forks).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "harness/report/outcome.h"
#include "os/fd.h"

namespace mirrorlab::cli {

class RunProcess {
 public:
  using Work = std::function<report::Outcome()>;

  // Starts `work`. What it writes goes to `log` (a file); empty: where the caller's output goes.
  // Throws std::runtime_error.
  RunProcess(const Work& work, const std::string& log);

  // Readable when there is something for take().
  [[nodiscard]] int fd() const { return outcome_.get(); }
  // Reads what came. True when the process has ended.
  bool take();
  // After its end: what it told; false when it ended without, and `how` says in which way.
  bool outcome(report::Outcome& outcome, std::string& how);
  void signal(int number) const;

 private:
  pid_t pid_ = -1;
  os::Fd outcome_;
  std::string told_;
  int status_ = 0;
};

}  // namespace mirrorlab::cli
