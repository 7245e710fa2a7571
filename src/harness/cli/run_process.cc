#include "harness/cli/run_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <stdexcept>

#include "harness/cli/supervise.h"
#include "os/error.h"

namespace mirrorlab::cli {

namespace {
bool write_all(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) at += static_cast<size_t>(n);
  }
  return true;
}

// In the new process: its output to `log`, then the work in namespaces of its own.
int in_child(const RunProcess::Work& work, const os::Fd& log, const os::Fd& pipe) {
  if (log && (::dup2(log.get(), STDOUT_FILENO) < 0 || ::dup2(log.get(), STDERR_FILENO) < 0)) {
    return 3;
  }
  return supervise([&] {
    const auto outcome = work();
    return write_all(pipe.get(), report::to_line(outcome)) ? outcome.code : 3;
  });
}
}  // namespace

RunProcess::RunProcess(const Work& work, const std::string& log) {
  os::Fd log_file;
  if (!log.empty()) {
    log_file.reset(::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!log_file) throw std::runtime_error(os::error_text("cannot create " + log));
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) {
    throw std::runtime_error(os::error_text("cannot make a pipe"));
  }
  outcome_.reset(ends[0]);
  const os::Fd writer(ends[1]);
  std::cout.flush();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error(os::error_text("cannot fork"));
  if (pid_ == 0) {
    outcome_.reset();
    ::_exit(in_child(work, log_file, writer));
  }
  ::fcntl(outcome_.get(), F_SETFL, O_NONBLOCK);
}

bool RunProcess::take() {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::read(outcome_.get(), buffer.data(), buffer.size());
    if (n > 0) {
      told_.append(buffer.data(), static_cast<size_t>(n));
    } else if (n == 0) {
      break;
    } else if (errno != EINTR) {
      return false;
    }
  }
  // Both ends of the run's processes are gone or about to be: this wait is short.
  ::waitpid(pid_, &status_, 0);
  pid_ = -1;
  return true;
}

bool RunProcess::outcome(report::Outcome& outcome, std::string& how) {
  if (report::from_line(told_, outcome)) return true;
  how = WIFSIGNALED(status_)
            ? fmt::format("its process was ended by signal {}", WTERMSIG(status_))
            : fmt::format("its process ended with {} and gave no result", WEXITSTATUS(status_));
  return false;
}

void RunProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

}  // namespace mirrorlab::cli
