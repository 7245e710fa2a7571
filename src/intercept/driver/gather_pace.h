// When a source of replies is looked at: at once, or after a while in which more of them come.
//
// A look costs a wake-up here and, by the header return, another on the online host: each as much
// as ten or twenty replies cost, more on a virtual machine. So frequent replies are gathered, for
// a quarter of the mean time between two replies of one connection and never above kLongest; a
// reply of a host where they are rare waits for nothing. Nor do they wait where looks that were
// waited for found a reply or two each: one busy connection is slowed down by waiting, and nothing
// is won.
//
// Time is an argument. Threads: one.
#pragma once

#include <cstddef>

#include "os/clock.h"

namespace mirrorlab::intercept {

class GatherPace {
 public:
  static constexpr os::Nanos kShortest = 100 * os::kNanosPerMicro;
  static constexpr os::Nanos kLongest = 500 * os::kNanosPerMicro;
  static constexpr os::Nanos kWindow = 8 * os::kNanosPerMilli;  // two blocks of a capture ring
  static constexpr size_t kFrequent = 8;                        // replies a window
  static constexpr size_t kWorth = 3;  // replies a look, at least, on the average of a window
  static constexpr int kRest = 8;      // windows without gathering where it was not worth it

  // The source has something to read. In how long it shall be read; 0: now.
  os::Nanos on_readable(os::Nanos now, size_t connections);
  // So many replies were read, of a host that answers so many mirrored connections. In how long it
  // shall be read again; kNever: when it has something to read.
  os::Nanos on_read(size_t replies, os::Nanos now, size_t connections);

 private:
  void roll(os::Nanos now);
  // How long a reply may wait; 0: not at all.
  [[nodiscard]] os::Nanos span(size_t connections) const;

  os::Nanos window_began_ = 0;
  size_t replies_ = 0;      // of this window
  size_t looks_ = 0;        // of them, those that were waited for
  size_t looked_ = 0;       // replies these found
  size_t each_window_ = 0;  // replies, in the window before
  int rest_ = 0;            // windows to come without gathering
  bool waited_ = false;     // for the look that comes next
  bool goes_on_ = false;    // replies come without pause: after a look the next is waited for
  os::Nanos last_read_ = 0;
};

}  // namespace mirrorlab::intercept
