#include "engine/driver/header_echo.h"

namespace mirrorlab::engine {

uint16_t HeaderEcho::ask(os::Nanos now, os::Nanos round_trip) {
  if (waits_ || (now >= active_until_ && !late_)) return 0;
  number_ = number_ == UINT16_MAX ? 1 : number_ + 1;
  waits_ = true;
  asked_at_ = now;
  limit_ = 2 * round_trip + kLate;
  return number_;
}

void HeaderEcho::on_answer(uint16_t number, os::Nanos now) {
  if (!waits_ || number != number_) return;
  const bool late = overdue(now);
  if (late) ++late_answers_;
  if (late && !late_) late_since_ = asked_at_;
  late_ = late;
  waits_ = false;
  answers_ = true;
}

bool HeaderEcho::behind(os::Nanos now) const {
  if (!late_ && !overdue(now)) return false;
  return now - (late_ ? late_since_ : asked_at_) < kLongest;
}

void HeaderEcho::begin_anew() {
  const HeaderEcho before = *this;
  *this = {};
  active_until_ = before.active_until_;
  late_answers_ = before.late_answers_;
}

}  // namespace mirrorlab::engine
