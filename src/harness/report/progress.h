// What a long run is doing: one redrawn line on a terminal, one plain line a phase in a pipe.
//
// Threads: begin() and end() from one thread; the status function is called from the drawing
// thread, so it must be safe to call at any time between begin() and end().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace mirrorlab::report {

class Progress {
 public:
  using Status = std::function<std::string()>;

  // Writes to `fd`, which stays the caller's; `terminal` chooses the redrawn line.
  Progress(int fd, bool terminal);
  // The same for standard error, asking isatty and TERM.
  static Progress for_standard_error();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // A line of its own, in both forms.
  void headline(const std::string& text);
  // A phase begins, and the one before ends. `status` is shown behind it on a terminal.
  void begin(const std::string& phase, const std::string& words, Status status = {});
  void end();

 private:
  void draw_until_ended();
  [[nodiscard]] std::string line(bool ended) const;
  void write(const std::string& text) const;

  int fd_;
  bool terminal_;
  bool open_ = false;
  std::string phase_, words_;
  Status status_;
  int64_t began_ns_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::thread drawer_;
};

}  // namespace mirrorlab::report
