#include "harness/wirebox/gate.h"

#include <algorithm>
#include <chrono>

#include "harness/wirebox/link.h"

namespace mirrorlab::wirebox {

Gate::Time Gate::time_locked() const {
  if (shut_.load(std::memory_order_relaxed)) return {stands_at_, 0, true};
  return {os::steady_now() - stood_still_, stood_still_, false};
}

Gate::Time Gate::time() const {
  const std::lock_guard lock(time_mutex_);
  return time_locked();
}

void Gate::hold() {
  const std::lock_guard lock(time_mutex_);
  if (shut_) return;
  stands_at_ = time_locked().now;
  shut_.store(true, std::memory_order_release);
  changed_.notify_all();
}

void Gate::resume() {
  const std::lock_guard links(links_mutex_);
  {
    const std::lock_guard lock(time_mutex_);
    if (!shut_) return;
    stood_still_ = os::steady_now() - stands_at_;
    shut_.store(false, std::memory_order_release);
  }
  for (Link* link : links_) link->wake();
}

std::optional<Passage> Gate::step() {
  const std::lock_guard links(links_mutex_);
  if (!shut()) return std::nullopt;
  for (Link* link : links_) link->read_arrivals();
  for (;;) {
    Link* next = nullptr;
    os::Nanos due = os::kNever;
    for (Link* link : links_) {
      if (const os::Nanos at = link->next_due(); at < due) {
        due = at;
        next = link;
      }
    }
    if (next == nullptr) return std::nullopt;
    {
      const std::lock_guard lock(time_mutex_);
      due = stands_at_ = std::max(stands_at_, due);
    }
    // Nothing left when the time of one that waits to be overtaken is up: it goes to the end.
    if (auto passed = next->let_one_go(due)) return passed;
  }
}

bool Gate::wait_shut(os::Nanos timeout) {
  std::unique_lock lock(time_mutex_);
  return changed_.wait_for(lock, std::chrono::nanoseconds(timeout), [&] { return shut_.load(); });
}

bool Gate::wait_arrival(uint64_t& seen, os::Nanos timeout) {
  std::unique_lock lock(time_mutex_);
  const bool came =
      changed_.wait_for(lock, std::chrono::nanoseconds(timeout), [&] { return arrivals_ != seen; });
  seen = arrivals_;
  return came;
}

uint64_t Gate::waiting() {
  const std::lock_guard links(links_mutex_);
  uint64_t all = 0;
  for (Link* link : links_) all += link->waiting();
  return all;
}

void Gate::watch(Watch watch) {
  const std::lock_guard lock(time_mutex_);
  watched_.store(static_cast<bool>(watch), std::memory_order_release);
  watch_ = watch ? std::make_shared<const Watch>(std::move(watch)) : nullptr;
}

bool Gate::stops(const Arrival& arrival) {
  std::shared_ptr<const Watch> watch;
  {
    const std::lock_guard lock(time_mutex_);
    watch = watch_;
    ++arrivals_;
    if (shut_.load(std::memory_order_relaxed)) changed_.notify_all();
  }
  if (watch && (*watch)(arrival)) hold();
  return shut();
}

void Gate::enter(Link& link) {
  const std::lock_guard lock(links_mutex_);
  links_.push_back(&link);
}

void Gate::leave(Link& link) {
  const std::lock_guard lock(links_mutex_);
  std::erase(links_, &link);
}

}  // namespace mirrorlab::wirebox
