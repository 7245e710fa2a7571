// SIGINT and SIGTERM as a state to be asked for and waited on.
//
// Threads: make it before others are started: they inherit that the signals are blocked. Its own
// takes them.
#pragma once

#include <signal.h>

#include <atomic>
#include <thread>

#include "os/fd.h"

namespace mirrorlab::cli {

class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  [[nodiscard]] bool happened() const { return flag_; }
  // Readable once it was interrupted.
  [[nodiscard]] int fd() const { return happened_.get(); }

 private:
  sigset_t set_{};
  std::atomic<bool> flag_{false};
  os::Fd happened_;
  std::thread thread_;
};

}  // namespace mirrorlab::cli
