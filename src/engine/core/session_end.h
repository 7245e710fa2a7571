// How mirrored connections and sessions end (S8, S10, S11), and what is then booked (S12).
#pragma once

#include "engine/core/env.h"

namespace mirrorlab::engine {

// Ends the mirrored connection for `reason`, with a reset where the test host may still hold it.
// What falls is lost as `reason`; a later turn opens a new connection (unless Config::reopen is
// off).
void fail_connection(Env& env, Session& s, LossReason reason, bool reset, Nanos now);
// Closes the account of the session and leaves a tombstone.
void finish_session(Env& env, Session& s, Nanos now);
// The client's 4-tuple was taken by a new connection: plays what was captured, then resets.
void supersede(Env& env, Session& s, Nanos now);
// Ends the session now, whatever waits; that is lost for `reason`.
void end_session(Env& env, Session& s, LossReason reason, Nanos now);

}  // namespace mirrorlab::engine
