#include "harness/cli/timeline.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "os/error.h"

namespace mirrorlab::cli {

using scenario::Fault;
using scenario::FaultAction;

Timeline::Timeline(const scenario::Scenario& scenario, Topology& topology, FindProgram find,
                   RunCommand run_command)
    : scenario_(scenario),
      topology_(topology),
      find_(std::move(find)),
      run_command_(std::move(run_command)) {
  news_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!news_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
}

void Timeline::schedule_all() {
  steps_.clear();
  waiting_.clear();
  for (const Fault& fault : scenario_.timeline) {
    if (fault.wait) {
      waiting_.push_back({&fault, {}});
    } else {
      schedule(fault, fault.when.count());
    }
  }
  for (const auto& engine : scenario_.engines) {
    if (!engine.start || engine.start_by_timeline) continue;
    add(engine.start->count(),
        {"start " + engine.id, [this, id = engine.id] { find_(id).start(); }});
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

void Timeline::add(os::Nanos when, Step step) { steps_.emplace(when, std::move(step)); }

void Timeline::schedule(const Fault& fault, os::Nanos from) {
  if (fault.action == FaultAction::link) return schedule_link(fault, from);
  if (fault.action == FaultAction::buffers) return schedule_buffers(fault, from);
  const std::string name = fault.target;
  const std::string words = fmt::format("{} {}", to_string(fault.action), name);
  const auto start_again = [this, name] { find_(name).start(); };
  switch (fault.action) {
    case FaultAction::kill:
      add(from, {words, [this, name] { find_(name).kill(); }});
      break;
    case FaultAction::terminate:
      add(from, {words, [this, name] { find_(name).terminate(); }});
      break;
    case FaultAction::stop:
      add(from, {words, [this, name] { find_(name).halt(); }});
      break;
    case FaultAction::cont:
      add(from, {words, [this, name] { find_(name).resume(); }});
      break;
    case FaultAction::restart:
      add(from, {words, [this, name, start_again] {
                   find_(name).terminate();
                   start_again();
                 }});
      break;
    case FaultAction::start:
      add(from, {words, start_again});
      break;
    case FaultAction::run:
      add(from,
          {"run " + fault.command, [this, &fault] { run_command_(fault.command, fault.on); }});
      break;
    case FaultAction::link:
    case FaultAction::buffers:
      break;
  }
  if (fault.restart_after) {
    add(from + fault.restart_after->count(), {"start " + name, start_again, false});
  }
  if (fault.lasting) {
    add(from + fault.lasting->count(),
        {"continue " + name, [this, name] { find_(name).resume(); }, false});
  }
}

void Timeline::schedule_link(const Fault& fault, os::Nanos from) {
  const std::string link = fmt::format("link {}-{}", fault.link_a, fault.link_b);
  add(from, {link + " changed", [this, &fault] {
               changes_[&fault] =
                   topology_.change(fault.link_a, fault.link_b, fault.there, fault.back);
             }});
  if (!fault.lasting) return;
  add(from + fault.lasting->count(),
      {link + " as before", [this, &fault] { topology_.undo(changes_.at(&fault)); }, false});
}

void Timeline::schedule_buffers(const Fault& fault, os::Nanos from) {
  const std::string words = "buffers of " + fault.on;
  add(from, {words + " changed", [this, &fault] {
               buffers_[&fault] = exchange_buffers(topology_.space(fault.on),
                                                   SocketBuffers::at_most(fault.buffer_bytes));
             }});
  if (!fault.lasting) return;
  add(from + fault.lasting->count(),
      {words + " as before",
       [this, &fault] { exchange_buffers(topology_.space(fault.on), buffers_.at(&fault)); },
       false});
}

void Timeline::come(const Fault& fault, const std::string& how) {
  const auto found = std::ranges::find(waiting_, &fault, &Waiting::fault);
  if (found == waiting_.end()) return;
  waiting_.erase(found);
  tell(now(), fault.wait->text + how);
  schedule(fault, std::max<os::Nanos>(now(), fault.when.count()));
  changed_.notify_all();
}

void Timeline::seen(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  come(fault, "");
}

void Timeline::look(const std::map<std::string, double>& figures) {
  const auto lookup = [&](std::string_view name) -> std::optional<double> {
    const auto found = figures.find(std::string(name));
    return found == figures.end() ? std::nullopt : std::optional(found->second);
  };
  std::unique_lock lock(mutex_);
  std::vector<const Fault*> due;
  for (const Waiting& w : waiting_) {
    if (!w.fault->wait->sighting && w.fault->when.count() <= now()) due.push_back(w.fault);
  }
  for (const Fault* fault : due) {
    const auto& wait = *fault->wait;
    if (!wait.ready.empty()) {
      // Why unlocked: a program that is being started is held until it is ready, by our own thread.
      lock.unlock();
      auto& program = find_(wait.ready);
      const bool ready = program.running() && !program.halted();
      lock.lock();
      if (ready) come(*fault, "");
      continue;
    }
    if (!lookup(wait.condition->metric)) continue;
    const auto outcome = scenario::evaluate(*wait.condition, lookup);
    const auto found = std::ranges::find(waiting_, fault, &Waiting::fault);
    if (found != waiting_.end()) found->last = outcome.actual;
    if (outcome.passed) come(*fault, ": " + outcome.actual);
  }
}

void Timeline::give_up_waits() {
  std::erase_if(waiting_, [&](const Waiting& w) {
    if (now() < (w.fault->when + w.fault->wait->within).count()) return false;
    std::string words = fmt::format("`{}` did not come within {}", w.fault->wait->text,
                                    scenario::to_text(w.fault->wait->within));
    if (w.fault->when.count() > 0) words += " after " + scenario::to_text(w.fault->when);
    if (!w.last.empty()) words += ": it was " + w.last;
    if (w.last.empty() && w.fault->wait->condition) words += ": there was no such figure";
    tell(now(), words);
    in_vain_.push_back(std::move(words));
    return true;
  });
}

os::Nanos Timeline::next_time() const {
  os::Nanos next = steps_.empty() ? INT64_MAX : steps_.begin()->first;
  for (const Waiting& w : waiting_) {
    next = std::min<os::Nanos>(next, (w.fault->when + w.fault->wait->within).count());
  }
  return next;
}

void Timeline::begin(os::Nanos now) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !acting_; });
  began_ = now;
  traffic_over_ = false;
  schedule_all();
  changed_.notify_all();
  if (!carried_out() && !thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void Timeline::tell(os::Nanos when, const std::string& words) {
  history_.push_back(fmt::format("+{:.3f}s {}", static_cast<double>(when) / 1e9, words));
  // Why no check: it fails only when the counter is full, and then it is readable as well.
  (void)::eventfd_write(news_.get(), 1);
}

void Timeline::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const auto time = topology_.gate().time();
    if (time.shut) {
      changed_.wait(lock);
      continue;
    }
    give_up_waits();
    if (carried_out()) {
      (void)::eventfd_write(news_.get(), 1);
      changed_.wait(lock);
      continue;
    }
    if (const auto wait = began_ + next_time() - time.now; wait > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(wait));
      continue;
    }
    if (steps_.empty() || began_ + steps_.begin()->first > time.now) continue;
    const Step step = steps_.extract(steps_.begin()).mapped();
    tell(time.now - began_, step.words);
    if (traffic_over_ && step.starts) late_.push_back(step.words);
    acting_ = true;
    lock.unlock();
    std::string wrong;
    try {
      step.act();
    } catch (const std::exception& e) {
      wrong = step.words + ": " + e.what();
    }
    lock.lock();
    acting_ = false;
    changed_.notify_all();
    if (wrong.empty()) continue;
    tell(topology_.gate().time().now - began_, wrong);
    if (failure_.empty()) failure_ = wrong;
  }
}

void Timeline::traffic_is_over() {
  const std::lock_guard lock(mutex_);
  traffic_over_ = true;
}

std::string Timeline::next() {
  const std::lock_guard lock(mutex_);
  if (steps_.empty() && !waiting_.empty()) {
    return fmt::format("it waits for `{}`", waiting_.front().fault->wait->text);
  }
  if (steps_.empty()) return {};
  return fmt::format("`{}` at {}", steps_.begin()->second.words,
                     scenario::to_text(scenario::Duration(steps_.begin()->first)));
}

bool Timeline::idle() {
  const std::lock_guard lock(mutex_);
  return carried_out() && !acting_;
}

void Timeline::stand_still() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !acting_; });
}

void Timeline::go_on() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

std::string Timeline::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::vector<std::string> Timeline::take_news() {
  const std::lock_guard lock(mutex_);
  eventfd_t count = 0;
  (void)::eventfd_read(news_.get(), &count);
  std::vector<std::string> news(history_.begin() + static_cast<std::ptrdiff_t>(told_),
                                history_.end());
  told_ = history_.size();
  return news;
}

std::string Timeline::history() {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& line : history_) text += line + "\n";
  return text;
}

std::string Timeline::to_come() {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const Waiting& w : waiting_) text += "when " + w.fault->wait->text + "\n";
  for (const auto& [when, step] : steps_) {
    text += fmt::format("+{:.3f}s {}\n", static_cast<double>(when) / 1e9, step.words);
  }
  return text;
}

}  // namespace mirrorlab::cli
