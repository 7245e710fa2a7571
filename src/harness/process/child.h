// A program started inside a network namespace, its output kept in a log file and watched for a
// ready line. The destructor ends it.
#pragma once

#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "os/fd.h"

namespace mirrorlab::process {

class Child {
 public:
  struct Start {
    std::string name;                  // for messages and the log
    std::vector<std::string> command;  // looked up in PATH when it has no slash
    int network_namespace = -1;
    std::string log_file;
  };
  // Throws std::runtime_error: program not found, namespace refused ...
  explicit Child(const Start& start);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Waits for a line of output that holds `text`. False when the program ended or the time is over.
  bool wait_for_line(const std::string& text, int timeout_ms);
  // Waits for its end; the exit code, 128 + signal, or -1 when the time is over.
  int wait(int timeout_ms);
  void signal(int number) const;
  void signal_group(int number) const;  // with the processes it started
  // SIGSTOP, to those it started too when `group`; returns when it has stopped (or ended).
  void halt(bool group);
  // Asks it to end, then SIGKILL when it does not end in time. The exit code as wait() gives it.
  int stop(int timeout_ms, int number = SIGTERM);
  // Of it and its own children, once it has ended. Until then of itself alone, as far as it was
  // looked at: when it is signalled, and by look_at_usage().
  struct Usage {
    double cpu_s = 0;
    double cpu_wait_s = 0;  // ready to run, and no CPU was free; all its threads
    uint64_t peak_rss_bytes = 0;
    // One after the other: times add up, of the peaks the highest stays.
    Usage& operator+=(const Usage& other);
  };
  [[nodiscard]] const Usage& usage() const { return usage_; }
  void look_at_usage() const;
  // Its state and the last lines it wrote, for failures.
  [[nodiscard]] std::string describe();
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Readable when it has ended.
  [[nodiscard]] int end_fd() const { return pidfd_.get(); }

 private:
  void read_output();
  std::string name_;
  pid_t pid_ = -1;
  os::Fd pidfd_;
  os::Fd output_;
  os::Fd log_;
  void note_memory() const;
  void note_times() const;
  int exit_ = -1;
  mutable Usage usage_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string tail_;    // the last 16 KiB of output
  bool ended_ = false;  // output closed
  std::thread reader_;
};

}  // namespace mirrorlab::process
