// The timer wheel against a map of deadlines.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine/core/timer_wheel.h"
#include "support/generators.h"

namespace mirrorlab::engine {
namespace {

// From under a tick to beyond the wheel's horizon, each order of magnitude alike.
Nanos any_span(int largest_power) {
  return *rc::gen::inRange<Nanos>(0, 1000) << *rc::gen::inRange(8, largest_power);
}

RC_GTEST_PROP(TimerWheelProperty, FiresWhatTheModelFires, ()) {
  struct Timer {
    Nanos deadline;
    Nanos armed_at;
  };
  std::map<uint32_t, Timer> model;
  TimerWheel wheel;
  Nanos now = *rc::gen::inRange<Nanos>(0, 3600 * kSecond);
  std::vector<uint32_t> due;
  wheel.advance(now, due);
  const int operations = *rc::gen::inRange(1, 200);
  for (int i = 0; i < operations; ++i) {
    const auto id = *rc::gen::inRange<uint32_t>(0, 40);
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
      case 1: {
        const Nanos deadline = now + any_span(40) - kSecond;  // some lie in the past
        wheel.arm(id, deadline);
        model[id] = {deadline, now};
        break;
      }
      case 2:
        wheel.cancel(id);
        model.erase(id);
        break;
      default:
        now += any_span(36);
        due.clear();
        wheel.advance(now, due);
        for (const uint32_t fired : due) {
          RC_ASSERT(model.contains(fired));
          RC_ASSERT(model[fired].deadline <= now);
          model.erase(fired);
        }
        for (const auto& [left, timer] : model) {
          RC_ASSERT(std::max(timer.deadline, timer.armed_at) + TimerWheel::kTick > now);
        }
    }
    RC_ASSERT(wheel.size() == model.size());
    RC_ASSERT(wheel.armed(id) == model.contains(id));
    Nanos first = kNever;
    for (const auto& [left, timer] : model) {
      first = std::min(first, std::max(timer.deadline, timer.armed_at));
    }
    RC_ASSERT((wheel.next_wakeup() == kNever) == model.empty());
    if (!model.empty()) RC_ASSERT(wheel.next_wakeup() <= first + TimerWheel::kTick);
  }
}

}  // namespace
}  // namespace mirrorlab::engine
