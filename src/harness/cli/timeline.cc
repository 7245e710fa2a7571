#include "harness/cli/timeline.h"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

namespace mirrorlab::cli {

using scenario::Fault;
using scenario::FaultAction;

Timeline::Timeline(const scenario::Scenario& scenario, Topology& topology, FindProgram find,
                   RunCommand run_command)
    : scenario_(scenario),
      topology_(topology),
      find_(std::move(find)),
      run_command_(std::move(run_command)) {
  for (const Fault& fault : scenario_.timeline) schedule(fault);
  for (const auto& engine : scenario_.engines) {
    if (!engine.start) continue;
    add(*engine.start, {"start " + engine.id, [this, id = engine.id] { find_(id).start(); }});
  }
}

Timeline::~Timeline() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Timeline::add(scenario::Duration when, Step step) {
  steps_.emplace(when.count(), std::move(step));
}

void Timeline::schedule(const Fault& fault) {
  if (fault.action == FaultAction::link) return schedule_link(fault);
  const std::string name = fault.target;
  const std::string words = fmt::format("{} {}", to_string(fault.action), name);
  const auto start_again = [this, name] { find_(name).start(); };
  switch (fault.action) {
    case FaultAction::kill:
      add(fault.when, {words, [this, name] { find_(name).kill(); }});
      break;
    case FaultAction::terminate:
      add(fault.when, {words, [this, name] { find_(name).terminate(); }});
      break;
    case FaultAction::stop:
      add(fault.when, {words, [this, name] { find_(name).halt(); }});
      break;
    case FaultAction::cont:
      add(fault.when, {words, [this, name] { find_(name).resume(); }});
      break;
    case FaultAction::restart:
      add(fault.when, {words, [this, name, start_again] {
                         find_(name).terminate();
                         start_again();
                       }});
      break;
    case FaultAction::run:
      add(fault.when,
          {"run " + fault.command, [this, &fault] { run_command_(fault.command, fault.on); }});
      break;
    case FaultAction::link:
      break;
  }
  if (fault.restart_after) {
    add(fault.when + *fault.restart_after, {"start " + name, start_again, false});
  }
  if (fault.lasting) {
    add(fault.when + *fault.lasting,
        {"continue " + name, [this, name] { find_(name).resume(); }, false});
  }
}

void Timeline::schedule_link(const Fault& fault) {
  const std::string link = fmt::format("link {}-{}", fault.link_a, fault.link_b);
  add(fault.when, {link + " changed", [this, &fault] {
                     changes_[&fault] =
                         topology_.change(fault.link_a, fault.link_b, fault.there, fault.back);
                   }});
  if (!fault.lasting) return;
  add(fault.when + *fault.lasting,
      {link + " as before", [this, &fault] { topology_.undo(changes_.at(&fault)); }, false});
}

void Timeline::begin(os::Nanos now) {
  began_ = now;
  if (!steps_.empty()) thread_ = std::thread([this] { run(); });
}

void Timeline::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (steps_.empty()) {
      idle_ = true;
      changed_.notify_all();
      changed_.wait(lock);
      continue;
    }
    const auto wait = began_ + steps_.begin()->first - os::steady_now();
    if (wait > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(wait));
      continue;
    }
    const Step step = steps_.extract(steps_.begin()).mapped();
    const double at = static_cast<double>(os::steady_now() - began_) / 1e9;
    history_ += fmt::format("+{:.3f}s {}\n", at, step.words);
    if (traffic_over_ && step.starts) late_.push_back(step.words);
    lock.unlock();
    std::string wrong;
    try {
      step.act();
    } catch (const std::exception& e) {
      wrong = step.words + ": " + e.what();
    }
    lock.lock();
    if (!wrong.empty() && failure_.empty()) failure_ = wrong;
  }
}

void Timeline::traffic_is_over() {
  const std::lock_guard lock(mutex_);
  traffic_over_ = true;
}

bool Timeline::over(os::Nanos wait) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::nanoseconds(wait),
                           [&] { return idle_ && steps_.empty(); });
}

std::string Timeline::next() {
  const std::lock_guard lock(mutex_);
  if (steps_.empty()) return {};
  return fmt::format("`{}` at {}", steps_.begin()->second.words,
                     scenario::to_text(scenario::Duration(steps_.begin()->first)));
}

std::string Timeline::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::string Timeline::history() {
  const std::lock_guard lock(mutex_);
  return history_;
}

}  // namespace mirrorlab::cli
