#include "harness/cli/supervise.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "os/error.h"

namespace mirrorlab::cli {

namespace {
int refuse(const char* what) {
  std::cerr << "mirrorlab: " << os::error_text(what, errno, "run as root") << '\n';
  return 3;
}

int inside(const std::function<int()>& work, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Why: the parent may have died before the line above.
  if (::getppid() != 0 && ::getppid() != parent) return 3;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) < 0 ||
      ::mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, nullptr) < 0) {
    return refuse("cannot mount /proc and /run of its own");
  }
  return work();
}
}  // namespace

int supervise(const std::function<int()>& work) {
  std::cout.flush();
  // Why no fork between: the child of unshare(CLONE_NEWPID) is the first process there.
  if (::unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) return refuse("cannot make a pid namespace");
  sigset_t passed;
  ::sigemptyset(&passed);
  ::sigaddset(&passed, SIGINT);
  ::sigaddset(&passed, SIGTERM);
  ::sigaddset(&passed, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &passed, nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return refuse("cannot fork");
  if (child == 0) {
    ::setpgid(0, 0);
    const int code = inside(work, parent);
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
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

}  // namespace mirrorlab::cli
