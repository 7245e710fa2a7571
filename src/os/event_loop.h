// epoll, timers and signals on one thread.
//
// A turn: wait, read the clock once, run the callbacks of what is ready, run the timers that are
// due, run the after-batch hooks (in the order they were added), then wait again. All of them are
// given the same `now`.
// Callbacks may add and remove anything, themselves included; a removed one is not called again.
// Limits: timers are few (they are searched linearly); a subsystem with many keeps its own wheel
// and one timer here. Threads: one loop belongs to one thread; only stop() of a signal handler's
// making (signalfd) crosses that line.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/clock.h"
#include "os/fd.h"

namespace mirrorlab::os {

class EventLoop {
 public:
  using IoCallback = std::function<void(uint32_t events, Nanos now)>;
  using TimeCallback = std::function<void(Nanos now)>;
  using SignalCallback = std::function<void(int signal, Nanos now)>;
  using TimerId = size_t;

  static tl::expected<std::unique_ptr<EventLoop>, std::string> create();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Watches `fd` (which stays the caller's) for EPOLLIN, EPOLLOUT ... One watch per descriptor.
  tl::expected<void, std::string> add(int fd, uint32_t events, IoCallback callback);
  // Changes what is waited for. `fd` is being watched.
  void modify(int fd, uint32_t events);
  // Ends the watch; call it before closing `fd`. Does nothing when there is none.
  void remove(int fd);

  // A timer, disarmed at first; arm it with set_timer. It fires once per arming.
  TimerId add_timer(TimeCallback callback);
  void set_timer(TimerId timer, Nanos deadline);  // kNever disarms
  void remove_timer(TimerId timer);

  // Runs at the end of every turn.
  void after_batch(TimeCallback hook) { hooks_.push_back(std::move(hook)); }

  // Blocks the signals for this thread and those it starts later, and hands them to `callback`.
  tl::expected<void, std::string> on_signals(std::initializer_list<int> signals,
                                             SignalCallback callback);

  // Turns until stop(). Fails only when epoll does.
  tl::expected<void, std::string> run();
  // One turn; waits at most `max_wait` for something to do.
  tl::expected<void, std::string> turn(Nanos max_wait = kNever);
  void stop() { stopped_ = true; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  // The time of the current (or last) turn.
  [[nodiscard]] Nanos now() const { return now_; }

 private:
  struct Watch {
    int fd;
    IoCallback callback;
    bool live = true;
  };
  struct Timer {
    Nanos deadline = kNever;
    TimeCallback callback;
    bool used = true;
  };

  EventLoop() = default;
  tl::expected<void, std::string> arm(Nanos max_wait);
  void fire_timers();

  Fd epoll_;
  Fd timer_fd_;
  Fd signal_fd_;
  SignalCallback on_signal_;
  std::vector<std::unique_ptr<Watch>> watches_;  // by descriptor; null where there is none
  std::vector<std::unique_ptr<Watch>> removed_;  // kept until the turn ends: one may be running
  std::vector<Timer> timers_;
  std::vector<TimeCallback> hooks_;
  Nanos armed_ = kNever;  // what timer_fd_ is set to
  Nanos now_ = 0;
  bool stopped_ = false;
};

}  // namespace mirrorlab::os
