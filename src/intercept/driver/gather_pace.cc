#include "intercept/driver/gather_pace.h"

#include <algorithm>

namespace mirrorlab::intercept {

void GatherPace::roll(os::Nanos now) {
  const os::Nanos elapsed = now - window_began_;
  if (elapsed < kWindow) return;
  each_window_ = replies_ * kWindow / static_cast<size_t>(elapsed);
  if (looks_ > 0 && looked_ < kWorth * looks_) {
    rest_ = kRest;
  } else if (rest_ > 0) {
    --rest_;
  }
  window_began_ = now;
  replies_ = looks_ = looked_ = 0;
}

os::Nanos GatherPace::span(size_t connections) const {
  if (each_window_ < kFrequent || rest_ > 0) return 0;
  const os::Nanos quarter =
      static_cast<os::Nanos>(connections) * kWindow / (4 * static_cast<os::Nanos>(each_window_));
  return std::clamp(quarter, kShortest, kLongest);
}

os::Nanos GatherPace::on_readable(os::Nanos now, size_t connections) {
  roll(now);
  const os::Nanos wait = span(connections);
  waited_ = wait > 0;
  if (now - last_read_ < wait) goes_on_ = true;
  return wait;
}

os::Nanos GatherPace::on_read(size_t replies, os::Nanos now, size_t connections) {
  roll(now);
  replies_ += replies;
  if (waited_ && replies > 0) {
    ++looks_;
    looked_ += replies;
  }
  waited_ = false;
  if (replies == 0) {
    goes_on_ = false;
    return os::kNever;
  }
  last_read_ = now;
  const os::Nanos wait = span(connections);
  if (wait == 0 || !goes_on_) return os::kNever;
  waited_ = true;
  return wait;
}

}  // namespace mirrorlab::intercept
