// Whether the header return is behind: a connection that loses packets, or carries less than the
// test host answers, brings records seconds late, and their silence is not the test host's.
//
// Now and then a number is sent that the intercept sends back behind all records it has; one that
// takes longer than the path does says that records wait. Until the first came back the intercept
// is taken for one that does not answer. Bounded: being behind is borne for kLongest.
#pragma once

#include <cstdint>

#include "os/clock.h"

namespace mirrorlab::engine {

class HeaderEcho {
 public:
  static constexpr os::Nanos kEvery = 250 * os::kNanosPerMilli;
  static constexpr os::Nanos kLate = 200 * os::kNanosPerMilli;  // beyond two round trips
  // Why not longer: an idle network is left in peace. Why so long: a connection that stands still
  // from now on has a number under way, whose answer will be overdue.
  static constexpr os::Nanos kActive = 2 * os::kNanosPerSecond;
  static constexpr os::Nanos kLongest = 60 * os::kNanosPerSecond;

  // Something was sent or came, so that silence may matter soon.
  void note_activity(os::Nanos now) { active_until_ = now + kActive; }
  // The number to send now; 0: none is due. `round_trip`: of the connection's packets.
  [[nodiscard]] uint16_t ask(os::Nanos now, os::Nanos round_trip);
  void on_answer(uint16_t number, os::Nanos now);
  [[nodiscard]] bool behind(os::Nanos now) const;
  [[nodiscard]] uint64_t late_answers() const { return late_answers_; }
  // The connection is a new one.
  void begin_anew();

 private:
  [[nodiscard]] bool overdue(os::Nanos now) const {
    return waits_ && answers_ && now - asked_at_ > limit_;
  }

  uint16_t number_ = 0;
  bool waits_ = false;    // for the answer to `number_`
  bool answers_ = false;  // this intercept does
  bool late_ = false;     // the last answer was
  os::Nanos asked_at_ = 0;
  os::Nanos limit_ = 0;
  os::Nanos late_since_ = 0;
  os::Nanos active_until_ = 0;
  uint64_t late_answers_ = 0;
};

}  // namespace mirrorlab::engine
