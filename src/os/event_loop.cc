#include "os/event_loop.h"

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "os/error.h"

namespace mirrorlab::os {
namespace {

constexpr int kEventsPerTurn = 64;

}  // namespace

tl::expected<std::unique_ptr<EventLoop>, std::string> EventLoop::create() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  loop->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return failure("cannot make an epoll instance");
  loop->timer_fd_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!loop->timer_fd_) return failure("cannot make a timerfd");
  auto added = loop->add(loop->timer_fd_.get(), EPOLLIN, [raw = loop.get()](uint32_t, Nanos) {
    uint64_t expirations = 0;
    // Why unchecked: EAGAIN only says that the timer was set anew meanwhile.
    [[maybe_unused]] const auto n = ::read(raw->timer_fd_.get(), &expirations, sizeof expirations);
    raw->armed_ = kNever;
  });
  if (!added) return tl::unexpected(added.error());
  loop->now_ = steady_now();
  return loop;
}

tl::expected<void, std::string> EventLoop::add(int fd, uint32_t events, IoCallback callback) {
  const auto slot = static_cast<size_t>(fd);
  if (slot < watches_.size() && watches_[slot]) {
    return tl::unexpected(fmt::format("descriptor {} is being watched already", fd));
  }
  auto watch = std::make_unique<Watch>(Watch{.fd = fd, .callback = std::move(callback)});
  epoll_event event{};
  event.events = events;
  event.data.ptr = watch.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) {
    return failure(fmt::format("cannot watch descriptor {}", fd));
  }
  if (slot >= watches_.size()) watches_.resize(slot + 1);
  watches_[slot] = std::move(watch);
  return {};
}

void EventLoop::modify(int fd, uint32_t events) {
  const auto slot = static_cast<size_t>(fd);
  if (slot >= watches_.size() || !watches_[slot]) return;
  epoll_event event{};
  event.events = events;
  event.data.ptr = watches_[slot].get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::remove(int fd) {
  const auto slot = static_cast<size_t>(fd);
  if (fd < 0 || slot >= watches_.size() || !watches_[slot]) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watches_[slot]->live = false;
  removed_.push_back(std::move(watches_[slot]));
}

EventLoop::TimerId EventLoop::add_timer(TimeCallback callback) {
  for (TimerId id = 0; id < timers_.size(); ++id) {
    if (timers_[id].used) continue;
    timers_[id] = Timer{.deadline = kNever, .callback = std::move(callback)};
    return id;
  }
  timers_.push_back(Timer{.deadline = kNever, .callback = std::move(callback)});
  return timers_.size() - 1;
}

void EventLoop::set_timer(TimerId timer, Nanos deadline) { timers_[timer].deadline = deadline; }

void EventLoop::remove_timer(TimerId timer) {
  timers_[timer] = Timer{.deadline = kNever, .callback = nullptr, .used = false};
}

tl::expected<void, std::string> EventLoop::on_signals(std::initializer_list<int> signals,
                                                      SignalCallback callback) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return failure("cannot block signals", error);
  }
  signal_fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signal_fd_) return failure("cannot make a signalfd");
  on_signal_ = std::move(callback);
  return add(signal_fd_.get(), EPOLLIN, [this](uint32_t, Nanos now) {
    signalfd_siginfo info{};
    while (::read(signal_fd_.get(), &info, sizeof info) == sizeof info) {
      on_signal_(static_cast<int>(info.ssi_signo), now);
    }
  });
}

tl::expected<void, std::string> EventLoop::run() {
  while (!stopped_) {
    if (auto done = turn(); !done) return done;
  }
  return {};
}

// Sets the timerfd only when the next deadline is earlier than what it is set to: deadlines that
// keep moving away cost one idle wake-up, not a system call each.
tl::expected<void, std::string> EventLoop::arm(Nanos max_wait) {
  Nanos next = kNever;
  for (const Timer& timer : timers_) next = std::min(next, timer.deadline);
  if (max_wait != kNever) next = std::min(next, steady_now() + max_wait);
  if (next >= armed_) return {};
  itimerspec spec{};
  spec.it_value = timespec_of(std::max<Nanos>(next, 1));  // 0 would disarm
  if (::timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) < 0) {
    return failure("cannot set the timerfd");
  }
  armed_ = next;
  return {};
}

void EventLoop::fire_timers() {
  const auto is_due = [this](const Timer& timer) { return timer.deadline <= now_; };
  // Why counted: a timer that is set to be due again at once fires in the next turn.
  for (auto left = std::ranges::count_if(timers_, is_due); left > 0; --left) {
    const auto first = std::ranges::min_element(timers_, {}, &Timer::deadline);
    if (!is_due(*first)) return;
    const auto id = static_cast<TimerId>(first - timers_.begin());
    timers_[id].deadline = kNever;
    // Moved out while it runs: it may remove its own timer, or add one and move the vector.
    TimeCallback callback = std::move(timers_[id].callback);
    callback(now_);
    if (timers_[id].used && !timers_[id].callback) timers_[id].callback = std::move(callback);
  }
}

tl::expected<void, std::string> EventLoop::turn(Nanos max_wait) {
  int wait_ms = -1;
  if (max_wait == 0) {
    wait_ms = 0;
  } else if (auto armed = arm(max_wait); !armed) {
    return armed;
  }
  std::array<epoll_event, kEventsPerTurn> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, wait_ms);
  if (ready < 0 && errno != EINTR) return failure("cannot wait on epoll");
  now_ = steady_now();
  for (int i = 0; i < ready; ++i) {
    const auto& event = events[static_cast<size_t>(i)];
    auto* watch = static_cast<Watch*>(event.data.ptr);
    if (watch->live) watch->callback(event.events, now_);
  }
  fire_timers();
  for (size_t i = 0; i < hooks_.size(); ++i) hooks_[i](now_);
  removed_.clear();
  return {};
}

}  // namespace mirrorlab::os
