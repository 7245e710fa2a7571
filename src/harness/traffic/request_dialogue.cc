#include "harness/traffic/request_dialogue.h"

#include <algorithm>
#include <utility>

namespace mirrorlab::traffic {

Action RequestDialogue::next(OutQueue& out) {
  switch (state_) {
    case State::think:
      if (left_ == 0 || service_closes()) return finish();
      state_ = State::send;
      return {ActionKind::think, random_.between(options_.think_ns.low, options_.think_ns.high)};
    case State::send:
      return send(out);
    case State::cut:
      return {ActionKind::reset};
    case State::expect:
      state_ = State::think;
      return {ActionKind::expect};
    case State::closing:
      return {options_.finish == Finish::half_close ? ActionKind::drain : ActionKind::close};
  }
  return {};
}

Action RequestDialogue::send(OutQueue& out) {
  const uint64_t burst = std::min(options_.pipeline, left_);
  for (uint64_t i = 0; i < burst; ++i) request(out);
  const bool cuts = options_.finish == Finish::cut && left_ == burst;
  if (cuts) out.cut(std::max<uint64_t>(out.size() / 2, 1));
  state_ = cuts ? State::cut : State::expect;
  return {ActionKind::send};
}

Action RequestDialogue::finish() {
  if (options_.hold_ns.high > 0 && !held_) {
    held_ = true;
    return {ActionKind::think, random_.between(options_.hold_ns.low, options_.hold_ns.high)};
  }
  state_ = State::closing;
  if (options_.finish == Finish::reset) return {ActionKind::reset};
  if (options_.finish == Finish::half_close) return {ActionKind::half_close};
  return usual_end();
}

ClientDialogue::Progress RequestDialogue::wrong(std::string what) {
  error_ = std::move(what);
  return Progress::wrong;
}

}  // namespace mirrorlab::traffic
