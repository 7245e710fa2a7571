#include "harness/cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "harness/net/listening.h"
#include "os/clock.h"

namespace mirrorlab::cli {

namespace {
constexpr int kEndMs = 5000;
constexpr int kProbeMs = 2000;  // a readiness command that hangs is ended and asked again

std::string exit_text(int code) {
  return code > 128 ? fmt::format("by signal {}", code - 128) : fmt::format("with {}", code);
}
}  // namespace

Program::Program(Spec spec, const net::Namespace& space, std::string log_directory)
    : spec_(std::move(spec)), space_(space), log_directory_(std::move(log_directory)) {}

void Program::start() {
  const std::lock_guard lock(mutex_);
  if (child_ && child_->wait(0) < 0) {
    throw std::runtime_error(spec_.name + " is to be started, but it runs already");
  }
  if (child_) earlier_ += child_->usage();
  ++runs_;
  const std::string log = runs_ == 1 ? spec_.name : fmt::format("{}.{}", spec_.name, runs_);
  child_ = std::make_unique<process::Child>(process::Child::Start{
      spec_.name, spec_.command(runs_), space_.fd(), log_directory_ + "/" + log + ".log"});
  ended_on_purpose_ = false;
  halted_ = false;
  wait_ready();
  note_up();
}

void Program::begin_away() {
  const std::lock_guard lock(mutex_);
  note_down();
}

void Program::note_down() {
  if (down_since_ == 0) down_since_ = os::wall_now();
}

void Program::note_up() {
  if (down_since_ != 0) outages_.emplace_back(down_since_, os::wall_now());
  down_since_ = 0;
}

std::vector<std::pair<os::Nanos, os::Nanos>> Program::outages() {
  const std::lock_guard lock(mutex_);
  auto all = outages_;
  if (down_since_ != 0) all.emplace_back(down_since_, os::wall_now());
  return all;
}

bool Program::ready_now() {
  const auto& r = spec_.ready;
  if (r.file && ::access(r.file->c_str(), F_OK) != 0) return false;
  if (r.log && !child_->wait_for_line(*r.log, 0)) return false;
  if (r.listen) {
    bool listening = false;
    space_.run([&] { listening = net::is_listening(*r.listen); });
    if (!listening) return false;
  }
  return !r.command || command_says_ready();
}

bool Program::command_says_ready() {
  process::Child probe({spec_.name + "-ready", spec_.ready_command, space_.fd(),
                        log_directory_ + "/" + spec_.name + "-ready.log"});
  return probe.wait(kProbeMs) == 0;
}

void Program::wait_ready() {
  const auto deadline = os::steady_now() + spec_.ready.within.count();
  while (!ready_now()) {
    if (child_->wait(2) >= 0) {
      throw std::runtime_error("ended before it was ready: " + child_->describe());
    }
    if (os::steady_now() > deadline) {
      throw std::runtime_error(fmt::format(
          "not ready within {}: {}", scenario::to_text(spec_.ready.within), child_->describe()));
    }
  }
}

void Program::end_with(int number) {
  const std::lock_guard lock(mutex_);
  if (!child_) return;
  ended_on_purpose_ = true;
  note_down();
  if (halted_) child_->signal(SIGCONT);
  halted_ = false;
  if (number != SIGKILL) {
    child_->stop(kEndMs, number);
  } else {
    child_->signal(number);
    if (child_->wait(kEndMs) < 0) {
      throw std::runtime_error("does not end: " + child_->describe());
    }
  }
}

void Program::kill() { end_with(SIGKILL); }
void Program::terminate() { end_with(spec_.stop_signal); }

void Program::halt() {
  const std::lock_guard lock(mutex_);
  if (child_) child_->halt(false);
  halted_ = true;
  note_down();
}

void Program::resume() {
  const std::lock_guard lock(mutex_);
  if (child_) child_->signal(SIGCONT);
  halted_ = false;
  note_up();
}

void Program::signal(int number) {
  const std::lock_guard lock(mutex_);
  if (child_ && child_->wait(0) < 0) child_->signal(number);
}

void Program::freeze(bool stop) {
  const std::lock_guard lock(mutex_);
  if (!child_ || halted_) return;
  if (stop) {
    child_->halt(true);
  } else {
    child_->signal_group(SIGCONT);
  }
}

bool Program::running() {
  const std::lock_guard lock(mutex_);
  return child_ && child_->wait(0) < 0;
}

bool Program::halted() {
  const std::lock_guard lock(mutex_);
  return halted_;
}

os::Fd Program::watch_end() {
  const std::lock_guard lock(mutex_);
  if (!child_ || child_->wait(0) >= 0) return {};
  return os::Fd(::fcntl(child_->end_fd(), F_DUPFD_CLOEXEC, 0));
}

pid_t Program::running_pid() {
  const std::lock_guard lock(mutex_);
  return child_ && child_->wait(0) < 0 ? child_->pid() : 0;
}

std::string Program::unexpected_end() {
  const std::lock_guard lock(mutex_);
  if (!child_ || ended_on_purpose_) return {};
  const int code = child_->wait(0);
  return code < 0 ? "" : fmt::format("ended {}: {}", exit_text(code), child_->describe());
}

std::string Program::finish() {
  const std::lock_guard lock(mutex_);
  if (!child_ || ended_on_purpose_) return {};
  if (halted_) child_->signal(SIGCONT);
  const int code = child_->stop(kEndMs, spec_.stop_signal);
  return code == 0 ? "" : fmt::format("ended {}: {}", exit_text(code), child_->describe());
}

std::string Program::describe() {
  const std::lock_guard lock(mutex_);
  if (!child_) return spec_.name + ": not started";
  child_->wait(0);
  return child_->describe();
}

process::Child::Usage Program::usage() {
  const std::lock_guard lock(mutex_);
  process::Child::Usage all = earlier_;
  if (!child_) return all;
  child_->look_at_usage();
  all += child_->usage();
  return all;
}

int Program::runs() {
  const std::lock_guard lock(mutex_);
  return runs_;
}

}  // namespace mirrorlab::cli
