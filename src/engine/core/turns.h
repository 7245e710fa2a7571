// S3 and S4: when the next turn may leave.
//
// Positions: the client's ack says how much of the online host's answers it had seen when it sent a
// segment (answer_mark). A turn needs as many answer bytes from the test host since the last turn's
// position as the online host had sent since then. Where answers differ in length that position is
// set anew from what the test host really sent.
#pragma once

#include "engine/core/env.h"

namespace mirrorlab::engine {

enum class ReleaseRule : uint8_t {
  answered,  // as many answer bytes as online
  quiet,     // fewer, pushed, and nothing came after them
  timeout,   // the hold limit passed
};

struct Release {
  Nanos at = kNever;  // kNever: only a packet can change it
  ReleaseRule rule = ReleaseRule::answered;
};

// When `next`, the first unsent segment, may leave; a time in the past means now.
[[nodiscard]] Release turn_release(const Env& env, const Session& s, const Segment& next);
// Notes when the answer that `next` waits for was there.
void note_enough(Session& s, const Segment& next, Nanos now);
// Moves the positions past the turn that begins with `next`.
void release_turn(Env& env, Session& s, const Segment& next, ReleaseRule rule);

}  // namespace mirrorlab::engine
