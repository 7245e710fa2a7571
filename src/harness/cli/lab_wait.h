// How the main thread of a laboratory waits: for descriptors, until a time of the laboratory. An
// interruption cuts each wait short; a breakpoint is served within it, and the laboratory's time
// stands still meanwhile.
//
// Threads: one.
#pragma once

#include <poll.h>

#include <functional>
#include <vector>

#include "harness/cli/interruption.h"
#include "harness/wirebox/gate.h"
#include "os/clock.h"
#include "os/fd.h"

namespace mirrorlab::cli {

// What a wait ends at. Descriptors that are copies live as long as it.
class WaitSet {
 public:
  void add(int fd) { fds_.push_back({fd, POLLIN, 0}); }
  void add(os::Fd copy) {
    if (!copy) return;
    add(copy.get());
    copies_.push_back(std::move(copy));
  }
  // Until one of them is readable or `timeout` nanoseconds are over; kNever waits for ever.
  void poll(os::Nanos timeout);
  [[nodiscard]] size_t size() const { return fds_.size(); }
  // After poll(): whether the one at `place` was readable.
  [[nodiscard]] bool readable(size_t place) const { return fds_[place].revents != 0; }

 private:
  std::vector<pollfd> fds_;
  std::vector<os::Fd> copies_;
};

class LabWait {
 public:
  // Both outlive it.
  LabWait(const wirebox::Gate& gate, const Interruption& interruption)
      : gate_(gate), interruption_(interruption) {}

  // When `fd` is readable within a wait, `serve` is called; it returns when all goes on again.
  void serve_breaks(int fd, std::function<void()> serve);
  // Time of the laboratory: the steady clock, less the time it stood still.
  [[nodiscard]] os::Nanos now() const { return gate_.time().now; }
  [[nodiscard]] os::Nanos stood_still() const { return gate_.time().behind; }
  [[nodiscard]] bool interrupted() const { return interruption_.happened(); }
  // Returns when one of `set` is readable, at `until`, after a breakpoint, or when interrupted.
  void until(os::Nanos until, WaitSet set = {});
  // For what the kernel keeps a figure of and tells nobody about (tables of connections, counters
  // of devices): it can only be asked again. True when `look` was; false at `until`, or when
  // interrupted. `between` bounds what the looks cost.
  bool look_again(const std::function<bool()>& look, os::Nanos between, os::Nanos until);

 private:
  const wirebox::Gate& gate_;
  const Interruption& interruption_;
  int break_fd_ = -1;
  std::function<void()> serve_;
};

}  // namespace mirrorlab::cli
