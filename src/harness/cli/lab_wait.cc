#include "harness/cli/lab_wait.h"

#include <algorithm>

namespace mirrorlab::cli {

void WaitSet::poll(os::Nanos timeout) {
  const timespec time = os::timespec_of(std::max<os::Nanos>(timeout, 0));
  for (pollfd& fd : fds_) fd.revents = 0;
  ::ppoll(fds_.data(), fds_.size(), timeout == os::kNever ? nullptr : &time, nullptr);
}

void LabWait::serve_breaks(int fd, std::function<void()> serve) {
  break_fd_ = fd;
  serve_ = std::move(serve);
}

void LabWait::until(os::Nanos until, WaitSet set) {
  if (interrupted()) return;
  set.add(interruption_.fd());
  if (break_fd_ >= 0) set.add(break_fd_);
  set.poll(until == os::kNever ? os::kNever : until - now());
  pollfd hit{break_fd_, POLLIN, 0};
  if (break_fd_ >= 0 && ::poll(&hit, 1, 0) > 0) serve_();
}

bool LabWait::look_again(const std::function<bool()>& look, os::Nanos between, os::Nanos until) {
  while (!look()) {
    const os::Nanos at = now();
    if (at >= until || interrupted()) return false;
    this->until(std::min(at + between, until));
  }
  return true;
}

}  // namespace mirrorlab::cli
