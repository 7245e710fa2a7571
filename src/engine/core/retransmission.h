// The timers of the sending side: RTO (RFC 6298), tail loss probe (RFC 8985 section 7) and persist
// timer (RFC 9293 3.8.6.1).
#pragma once

#include "engine/core/env.h"

namespace mirrorlab::engine {

// RFC 6298 5.1: something was sent; starts the timer unless it runs, and the probe's anew.
void note_sent(const Env& env, Session& s, Nanos now);
// RFC 6298 5.2, 5.3: new data was acked; stops or restarts the timer.
void note_progress(const Env& env, Session& s, Nanos now);
// Bytes wait and the window is closed.
void start_persist_timer(const Env& env, Session& s, Nanos now);
// Whatever is due of the timers of an established connection.
void fire_retransmission_timers(Env& env, Session& s, Nanos now);
// The header return is back: hears at once where the test host is, without back-off. `spread` keeps
// a thousand waiting sessions from being one burst.
void probe_after_outage(Session& s, Nanos now, Nanos spread);

}  // namespace mirrorlab::engine
