// The event loop: readiness, timers, hooks, signals, removal from inside a callback.
#include "os/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <csignal>

#include "os/error.h"

namespace mirrorlab::os {
namespace {

std::unique_ptr<EventLoop> make_loop() {
  auto loop = EventLoop::create();
  EXPECT_TRUE(loop.has_value());
  return std::move(*loop);
}

void signal_event(const Fd& fd) {
  const uint64_t one = 1;
  ASSERT_EQ(::write(fd.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
}

TEST(ErrorText, NamesAttemptReasonAndMend) {
  EXPECT_EQ(error_text("cannot bind 10.0.0.1:80", EACCES, "run as root"),
            "cannot bind 10.0.0.1:80: Permission denied (EACCES); run as root");
}

TEST(EventLoop, GivesOneNowToCallbackAndHook) {
  auto loop = make_loop();
  const Fd event(::eventfd(1, EFD_NONBLOCK));
  Nanos in_callback = 0, in_hook = 0;
  ASSERT_TRUE(loop->add(event.get(), EPOLLIN, [&](uint32_t, Nanos now) { in_callback = now; }));
  loop->after_batch([&](Nanos now) { in_hook = now; });
  ASSERT_TRUE(loop->turn());
  EXPECT_GT(in_callback, 0);
  EXPECT_EQ(in_callback, in_hook);
  EXPECT_EQ(in_callback, loop->now());
}

TEST(EventLoop, TimersThatAreLateTogetherFireInTheOrderOfTheirDeadlines) {
  auto loop = make_loop();
  const Nanos past = steady_now() - kNanosPerSecond;
  std::vector<int> fired;
  const auto late = loop->add_timer([&](Nanos) { fired.push_back(2); });
  const auto early = loop->add_timer([&](Nanos) { fired.push_back(1); });
  loop->set_timer(late, past + 1);
  loop->set_timer(early, past);
  ASSERT_TRUE(loop->turn());
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
}

TEST(EventLoop, FiresTimersOnceNotEarlyAndInAnyOrderOfArming) {
  auto loop = make_loop();
  const Nanos start = steady_now();
  std::vector<int> fired;
  const auto late = loop->add_timer([&](Nanos now) {
    EXPECT_GE(now, start + 3 * kNanosPerMilli);
    fired.push_back(2);
    loop->stop();
  });
  const auto early = loop->add_timer([&](Nanos now) {
    EXPECT_GE(now, start + kNanosPerMilli);
    fired.push_back(1);
  });
  loop->set_timer(late, start + 3 * kNanosPerMilli);
  loop->set_timer(early, start + 1 * kNanosPerMilli);
  ASSERT_TRUE(loop->run());
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
}

// The loop sets its timerfd before it waits and fires timers after the callbacks: a callback that
// moves a timer away does so with the old deadline set, however late this process runs.
TEST(EventLoop, TimerMovedAwayDoesNotFireAtItsOldDeadline) {
  auto loop = make_loop();
  const Fd event(::eventfd(1, EFD_NONBLOCK));
  bool fired = false;
  const auto timer = loop->add_timer([&](Nanos) { fired = true; });
  const Nanos deadline = steady_now() + 2 * kNanosPerMilli;
  loop->set_timer(timer, deadline);
  ASSERT_TRUE(loop->add(event.get(), EPOLLIN, [&](uint32_t, Nanos) {
    loop->remove(event.get());
    loop->set_timer(timer, kNever);
  }));
  while (loop->now() <= deadline) ASSERT_TRUE(loop->turn(kNanosPerMilli));
  ASSERT_TRUE(loop->turn(0));
  EXPECT_FALSE(fired);
}

TEST(EventLoop, CallbackMayRemoveItselfAndAnother) {
  auto loop = make_loop();
  const Fd first(::eventfd(1, EFD_NONBLOCK)), second(::eventfd(1, EFD_NONBLOCK));
  int calls = 0;
  const auto both = [&](uint32_t, Nanos) {
    ++calls;
    loop->remove(first.get());
    loop->remove(second.get());
  };
  ASSERT_TRUE(loop->add(first.get(), EPOLLIN, both));
  ASSERT_TRUE(loop->add(second.get(), EPOLLIN, both));
  ASSERT_TRUE(loop->turn());
  ASSERT_TRUE(loop->turn(0));
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, RefusesASecondWatchOnOneDescriptor) {
  auto loop = make_loop();
  const Fd event(::eventfd(0, EFD_NONBLOCK));
  ASSERT_TRUE(loop->add(event.get(), EPOLLIN, [](uint32_t, Nanos) {}));
  EXPECT_FALSE(loop->add(event.get(), EPOLLIN, [](uint32_t, Nanos) {}));
}

TEST(EventLoop, ModifyChangesWhatIsWaitedFor) {
  auto loop = make_loop();
  const Fd event(::eventfd(0, EFD_NONBLOCK));
  uint32_t seen = 0;
  ASSERT_TRUE(loop->add(event.get(), EPOLLOUT, [&](uint32_t events, Nanos) { seen = events; }));
  loop->modify(event.get(), EPOLLIN);
  ASSERT_TRUE(loop->turn(0));
  EXPECT_EQ(seen, 0U);
  signal_event(event);
  ASSERT_TRUE(loop->turn());
  EXPECT_EQ(seen, static_cast<uint32_t>(EPOLLIN));
}

TEST(EventLoop, DeliversSignals) {
  auto loop = make_loop();
  int got = 0;
  ASSERT_TRUE(loop->on_signals({SIGUSR1}, [&](int signal, Nanos) {
    got = signal;
    loop->stop();
  }));
  ASSERT_EQ(::raise(SIGUSR1), 0);
  ASSERT_TRUE(loop->run());
  EXPECT_EQ(got, SIGUSR1);
}

}  // namespace
}  // namespace mirrorlab::os
