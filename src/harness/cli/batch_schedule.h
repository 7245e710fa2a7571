// Which run of a batch comes next: as many side by side as there are jobs, one labelled `serial`
// alone, and each again until it was repeated often enough or did not pass. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace mirrorlab::cli {

class BatchSchedule {
 public:
  // `serial[i]`: run i is alone while it runs. jobs and repeat are at least 1.
  BatchSchedule(std::vector<bool> serial, unsigned jobs, unsigned repeat);

  // The next to start, counted as running from then on; nothing when that has to wait for an end.
  [[nodiscard]] std::optional<size_t> next();
  // A run ended. True when that was its last time.
  bool ended(size_t run, bool passed);
  // Nothing more is started.
  void stop() { stopped_ = true; }
  [[nodiscard]] bool over() const { return running_ == 0 && (stopped_ || waiting() == 0); }
  [[nodiscard]] unsigned times(size_t run) const { return times_[run]; }

 private:
  [[nodiscard]] size_t waiting() const { return again_.size() + (serial_.size() - first_); }
  std::vector<bool> serial_;
  unsigned jobs_, repeat_;
  std::vector<unsigned> times_;  // started so far
  std::vector<size_t> again_;    // to be repeated, before others begin
  size_t first_ = 0;             // not begun yet: this one and those behind it
  size_t running_ = 0;
  bool alone_ = false;  // a serial one runs
  bool stopped_ = false;
};

}  // namespace mirrorlab::cli
