#include "harness/process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <boost/process.hpp>
#include <boost/process/extend.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "harness/process/process_state.h"
#include "os/error.h"

namespace mirrorlab::process {

namespace {
namespace bp = boost::process;
constexpr size_t kTail = 16 * 1024;

// Runs between fork and exec: the namespace, output to the pipe, no stray descriptors, and death
// with the harness.
struct Enter : bp::extend::handler {
  int network_namespace;
  int output;
  template <typename Executor>
  void on_exec_setup(Executor& executor) {
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (network_namespace >= 0 && ::setns(network_namespace, CLONE_NEWNET) < 0) {
      executor.set_error(std::error_code(errno, std::system_category()), "setns");
    }
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  }
};

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  // bp::search_path would pull in the whole of Boost.Filesystem for this loop.
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw std::runtime_error("program " + name + " is not installed (not on PATH)");
}
}  // namespace

Child::Child(const Start& start) : name_(start.name) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0)
    throw std::runtime_error(os::error_text("cannot make a pipe"));
  output_.reset(ends[0]);
  const os::Fd writer(ends[1]);
  log_.reset(::open(start.log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!log_) throw std::runtime_error(os::error_text("cannot create " + start.log_file));
  Enter enter;
  enter.network_namespace = start.network_namespace;
  enter.output = writer.get();
  const std::vector<std::string> arguments(start.command.begin() + 1, start.command.end());
  std::error_code error;
  bp::child child(find_program(start.command.front()), bp::args(arguments), bp::std_in < bp::null,
                  enter, error);
  if (error)
    throw std::runtime_error("cannot start " + name_ + " (" + start.command.front() +
                             "): " + error.message());
  pid_ = child.id();
  child.detach();
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  reader_ = std::thread([this] { read_output(); });
}

void Child::read_output() {
  std::array<char, 4096> buffer;
  for (ssize_t n = 0; (n = ::read(output_.get(), buffer.data(), buffer.size())) > 0;) {
    const auto size = static_cast<size_t>(n);
    const bool logged = ::write(log_.get(), buffer.data(), size) == n;
    const std::lock_guard lock(mutex_);
    tail_.append(buffer.data(), size);
    if (!logged) tail_ += "\n(the log file could not be written)\n";
    if (tail_.size() > kTail) tail_.erase(0, tail_.size() - kTail);
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool Child::wait_for_line(const std::string& text, int timeout_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                    [&] { return ended_ || tail_.find(text) != std::string::npos; });
  return tail_.find(text) != std::string::npos;
}

int Child::wait(int timeout_ms) {
  if (exit_ >= 0) return exit_;
  pollfd watched{pidfd_.get(), POLLIN, 0};
  if (::poll(&watched, 1, timeout_ms) <= 0) return -1;
  int status = 0;
  rusage used{};
  if (::wait4(pid_, &status, 0, &used) < 0) return -1;
  usage_.cpu_s = seconds(used.ru_utime) + seconds(used.ru_stime);
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_;
}

Child::Usage& Child::Usage::operator+=(const Usage& other) {
  cpu_s += other.cpu_s;
  cpu_wait_s += other.cpu_wait_s;
  peak_rss_bytes = std::max(peak_rss_bytes, other.peak_rss_bytes);
  return *this;
}

void Child::signal(int number) const {
  if (exit_ >= 0) return;
  look_at_usage();
  ::kill(pid_, number);
}

void Child::look_at_usage() const {
  if (exit_ >= 0) return;
  note_memory();
  note_times();
}

// Source: Linux Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat".
void Child::note_times() const {
  double ran_s = 0;
  double waited_s = 0;
  std::error_code gone;
  std::filesystem::directory_iterator task("/proc/" + std::to_string(pid_) + "/task", gone);
  for (; !gone && task != std::filesystem::directory_iterator(); task.increment(gone)) {
    std::ifstream in(task->path() / "schedstat");
    uint64_t ran_ns = 0;
    uint64_t waited_ns = 0;
    if (!(in >> ran_ns >> waited_ns)) continue;
    ran_s += static_cast<double>(ran_ns) / 1e9;
    waited_s += static_cast<double>(waited_ns) / 1e9;
  }
  usage_.cpu_s = std::max(usage_.cpu_s, ran_s);
  usage_.cpu_wait_s = std::max(usage_.cpu_wait_s, waited_s);
}

// Why not the rusage of its end: that peak may be the harness's own, from before exec.
void Child::note_memory() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  uint64_t kib = 0;
  for (std::string word; in >> word;) {
    if (word == "VmHWM:" && in >> kib) {
      usage_.peak_rss_bytes = std::max(usage_.peak_rss_bytes, kib * 1024);
      return;
    }
  }
}

void Child::halt(bool group) {
  if (exit_ >= 0) return;
  if (group) ::kill(-pid_, SIGSTOP);
  ::kill(pid_, SIGSTOP);  // also when it went into another group
  siginfo_t info{};
  // It stops at its next way out of the kernel; its end is left for wait().
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) < 0 &&
         errno == EINTR) {
  }
}

void Child::signal_group(int number) const {
  if (exit_ < 0) ::kill(-pid_, number);
}

int Child::stop(int timeout_ms, int number) {
  if (exit_ >= 0) return exit_;
  signal(number);
  if (wait(timeout_ms) >= 0) return exit_;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
  return wait(5000);
}

std::string Child::describe() {
  const std::lock_guard lock(mutex_);
  const std::string state = exit_ >= 0
                                ? "ended with " + std::to_string(exit_)
                                : "pid " + std::to_string(pid_) + ", " + process_state(pid_) +
                                      (ended_ ? ", output closed" : "");
  const size_t from = tail_.size() > 2000 ? tail_.size() - 2000 : 0;
  return name_ + ": " + state + "; its last output:\n" + tail_.substr(from);
}

Child::~Child() {
  stop(1000);
  ::kill(-pid_, SIGKILL);
  reader_.join();
}

}  // namespace mirrorlab::process
