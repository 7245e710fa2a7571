// The mirrored connection once it is open: what a header record does to it, what it sends and when,
// and how the client's close is played (S3, S6, S7, S8).
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

// A reply of the test host for this session.
void on_record(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now);
// Sends everything that is due now: lost segments, new data, close, ack. Sets the timers.
void output(Env& env, Session& s, Nanos now);
// Acts on whatever timer is due; output() is to follow.
void on_session_timer(Env& env, Session& s, Nanos now);
// The earliest time on_session_timer() has something to do.
[[nodiscard]] Nanos next_deadline(const Env& env, const Session& s);
[[nodiscard]] Nanos idle_deadline(const Env& env, const Session& s);

}  // namespace mirrorlab::engine
