// How a batch gets on: one redrawn line on a terminal, a plain line for each ended run in a pipe.
//
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "harness/report/outcome.h"

namespace mirrorlab::report {

class BatchProgress {
 public:
  // Writes to `fd`, which stays the caller's; `terminal` chooses the redrawn line.
  BatchProgress(int fd, bool terminal, size_t total);
  static BatchProgress for_standard_error(size_t total);

  void ended(const Outcome& outcome);
  // Redraws the line; `running` are titles with their times.
  void draw(const std::vector<std::string>& running);
  // Takes the line away, so that other output can stand there.
  void clear();
  [[nodiscard]] bool redraws() const { return terminal_; }

 private:
  void write(const std::string& text) const;
  int fd_;
  bool terminal_;
  size_t total_;
  size_t done_ = 0, not_passed_ = 0;
  bool drawn_ = false;
};

}  // namespace mirrorlab::report
