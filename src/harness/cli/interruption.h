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
  explicit Interruption(std::atomic<bool>& flag);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  // Readable once it was interrupted.
  [[nodiscard]] int fd() const { return happened_.get(); }

 private:
  sigset_t set_{};
  os::Fd happened_;
  std::thread thread_;
};

}  // namespace mirrorlab::cli
