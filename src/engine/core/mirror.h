// The mirrored connection: opening, what a header record does to it, what it sends, its timers and
// its end (S1, S8, S9, S10).
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

// Opens a mirrored connection for what waits in the queue (or for a captured SYN).
void open_connection(Env& env, Session& s, Nanos now);
// A reply of the test host for this session.
void on_record(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now);
// Sends everything that is due now: lost segments, new data, close, ack. Sets the timers.
void output(Env& env, Session& s, Nanos now);
// Acts on whatever timer is due, then as output().
void on_session_timer(Env& env, Session& s, Nanos now);
// The earliest time on_session_timer() has something to do.
[[nodiscard]] Nanos session_deadline(const Env& env, const Session& s);
// Closes the account of the session and leaves a tombstone.
void finish_session(Env& env, Session& s, Nanos now);
// Ends the mirrored connection for `reason`, with a reset where the test host may still hold it.
// What falls is lost as `reason`; a later turn opens a new connection (unless Config::reopen is
// off).
void fail_connection(Env& env, Session& s, LossReason reason, bool reset, Nanos now);
// The client's 4-tuple was taken by a new connection: plays what was captured, then resets.
void supersede(Env& env, Session& s, Nanos now);
// Ends the session now, whatever waits (S11 limits, shutdown of the engine).
void end_session(Env& env, Session& s, Nanos now);
// A reset answering a stray packet of the test host with the numbers it gave (RFC 9293 3.10.7.1).
void reset_stray(Env& env, const wire::HeaderRecord& record);

}  // namespace mirrorlab::engine
