// S5: the sending side of the mirrored connection, in the terms of RFC 9293: what may be sent, and
// what an ack does. Loss marks are in scoreboard, windows in congestion, timers in retransmission.
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

// Sets the sending variables of a connection whose first byte is `start`.
void start_sending(Env& env, Session& s, int64_t start);
// Takes the ack, window and SACK blocks of a record. False when the ack is for something never
// sent, or older than any window (RFC 5961 section 5).
[[nodiscard]] bool receive_ack(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now);
// Retransmits what is marked lost, as far as the congestion window allows.
void send_lost(Env& env, Session& s, Nanos now);
// How many bytes of `next` the windows take now; 0: wait.
[[nodiscard]] uint32_t sendable(const Env& env, Session& s, const Segment& next, Nanos now);
// First transmission of queue.next_unsent, of which at most `limit` bytes are sent: the rest
// becomes a segment of its own.
void send_next(Env& env, Session& s, uint32_t limit, Nanos now);

}  // namespace mirrorlab::engine
