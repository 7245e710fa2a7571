#include "harness/cli/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <iostream>

#include "harness/cli/foreground.h"
#include "harness/cli/user_namespace.h"
#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::cli {

namespace {
int refuse(const char* what) {
  std::cerr << "mirrorlab: " << os::error_text(what, errno, "run as root") << '\n';
  return 3;
}

// `alive`: the read end of a pipe whose write end only the parent holds.
int inside(const std::function<int()>& work, const os::Fd& alive) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Why: the parent may have died before the line above, and a first process has no parent to ask
  // for. The pipe hangs up when the parent is gone.
  pollfd parent{alive.get(), 0, 0};
  if (::poll(&parent, 1, 0) != 0) return 3;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) < 0 ||
      ::mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, nullptr) < 0) {
    return refuse("cannot mount /proc and /run of its own");
  }
  return work();
}
}  // namespace

int supervise(const std::function<int()>& work, Terminal terminal) {
  std::cout.flush();
  if (const auto rootless = become_root(); !rootless.failure.empty()) {
    std::cerr << "mirrorlab: " << rootless.failure << '\n';
    return 3;
  }
  // Why no fork between: the child of unshare(CLONE_NEWPID) is the first process there.
  if (::unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) return refuse("cannot make a pid namespace");
  sigset_t passed;
  ::sigemptyset(&passed);
  ::sigaddset(&passed, SIGINT);
  ::sigaddset(&passed, SIGTERM);
  ::sigaddset(&passed, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &passed, nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return refuse("cannot make a pipe");
  const os::Fd alive(ends[0]);
  os::Fd held(ends[1]);
  const bool shares = terminal == Terminal::shared && has_terminal();
  const pid_t child = ::fork();
  if (child < 0) return refuse("cannot fork");
  if (child == 0) {
    held.reset();
    // Why a group of its own also on a terminal: a group from outside has no number in here by
    // which the terminal could be taken back from a command.
    ::setpgid(0, 0);
    if (shares) give_terminal_to(::getpid());
    int code = 3;
    try {
      code = inside(work, alive);
    } catch (const std::exception& e) {
      std::cerr << "mirrorlab: " << e.what() << '\n';
    }
    std::cout.flush();
    ::_exit(code);
  }
  for (;;) {
    int number = 0;
    ::sigwait(&passed, &number);
    if (number != SIGCHLD) {
      ::kill(child, number);
      continue;
    }
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) != child) continue;
    if (shares) give_terminal_to(::getpgrp());
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    std::cerr << "mirrorlab: the run was ended by signal " << WTERMSIG(status)
              << "; nothing of it is left, and there is no verdict\n";
    return 3;
  }
}

}  // namespace mirrorlab::cli
