#include "harness/cli/foreground.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "os/error.h"

namespace mirrorlab::cli {

bool has_terminal() {
  return ::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

void give_terminal_to(pid_t group) {
  sigset_t output, before;
  ::sigemptyset(&output);
  ::sigaddset(&output, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &output, &before);
  // What may fail here fails because there is nothing to hand over.
  [[maybe_unused]] const int given = ::tcsetpgrp(STDIN_FILENO, group);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

namespace {
void say(const char* what, const char* why) {
  for (const char* part : {"mirrorlab: ", what, ": ", why, "\n"}) {
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
  }
}

// Between fork and exec: nothing that allocates.
[[noreturn]] void become(char* const* argv, const Foreground& place, bool terminal) {
  ::setpgid(0, 0);
  if (terminal) give_terminal_to(::getpid());
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (place.network_namespace >= 0 && ::setns(place.network_namespace, CLONE_NEWNET) < 0) {
    say("cannot enter the node", std::strerror(errno));
    ::_exit(126);
  }
  // /sys shows the network namespace of who mounted it.
  if (::unshare(CLONE_NEWNS) < 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0 ||
      ::mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) < 0) {
    say("/sys shows the devices of the host, not of the node", std::strerror(errno));
  }
  if (!place.directory.empty() && ::chdir(place.directory.c_str()) < 0) {
    say(place.directory.c_str(), std::strerror(errno));
  }
  if (place.no_input) {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) ::_exit(126);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(argv[0], argv);
  say(argv[0], std::strerror(errno));
  ::_exit(127);
}
}  // namespace

tl::expected<int, std::string> run_in_foreground(const std::vector<std::string>& command,
                                                 const Foreground& place) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const bool terminal = has_terminal();
  const pid_t pid = ::fork();
  if (pid < 0) return os::failure("cannot fork");
  if (pid == 0) become(argv.data(), place, terminal);
  ::setpgid(pid, pid);  // whoever of the two comes first
  if (terminal) give_terminal_to(pid);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return os::failure("cannot wait for " + command.front());
  }
  if (terminal) give_terminal_to(::getpgrp());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace mirrorlab::cli
