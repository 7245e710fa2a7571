// S1, S9, S10: opening a mirrored connection.
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

// Opens a mirrored connection for what waits in the queue (or for a captured SYN).
void open_connection(Env& env, Session& s, Nanos now);
// A reply while the SYN is not answered yet.
void on_record_in_syn_sent(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now);
// A reply to an established connection that shows the SYN-ACK to be one of a connection that is
// gone: the engine opens again with the client's own number, so that a late one fits. True: taken.
[[nodiscard]] bool on_record_unconfirmed(Env& env, Session& s, const wire::HeaderRecord& record,
                                         Nanos now);
// The SYN's timer fired: again, or the handshake has failed.
void on_syn_timer(Env& env, Session& s, Nanos now);

}  // namespace mirrorlab::engine
