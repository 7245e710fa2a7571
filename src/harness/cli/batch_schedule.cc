#include "harness/cli/batch_schedule.h"

#include <algorithm>
#include <utility>

namespace mirrorlab::cli {

BatchSchedule::BatchSchedule(std::vector<bool> serial, unsigned jobs, unsigned repeat)
    : serial_(std::move(serial)),
      jobs_(std::max(jobs, 1U)),
      repeat_(std::max(repeat, 1U)),
      times_(serial_.size(), 0) {}

std::optional<size_t> BatchSchedule::next() {
  if (stopped_ || alone_ || running_ >= jobs_ || waiting() == 0) return std::nullopt;
  const bool repeats = !again_.empty();
  const size_t run = repeats ? again_.front() : first_;
  if (serial_[run] && running_ > 0) return std::nullopt;
  if (repeats) {
    again_.erase(again_.begin());
  } else {
    ++first_;
  }
  alone_ = serial_[run];
  ++times_[run];
  ++running_;
  return run;
}

bool BatchSchedule::ended(size_t run, bool passed) {
  --running_;
  alone_ = false;
  const bool last = !passed || stopped_ || times_[run] >= repeat_;
  if (!last) again_.push_back(run);
  return last;
}

}  // namespace mirrorlab::cli
