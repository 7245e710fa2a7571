// S5: the sending side of the mirrored connection, in the terms of RFC 9293, 5681, 6298 and 6675.
//
// The scoreboard is kept on the segments themselves; sacked_out, lost_out and retrans_out are its
// sums in sequence space, so that the pipe costs nothing to know.
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

// Sets the sending variables of a connection whose first byte is `start`.
void start_sending(Session& s, int64_t start);
// Takes the ack, window and SACK blocks of a record. False when the ack is for something never
// sent.
bool receive_ack(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now);
// Retransmits what is marked lost, as far as the congestion window allows.
void send_lost(Env& env, Session& s, Nanos now);
// Room for new data now, in bytes: the smaller of the test host's and the congestion window.
[[nodiscard]] uint32_t send_room(const Session& s);
// First transmission of queue.next_unsent, of which at most `limit` bytes are sent: the rest
// becomes a segment of its own.
void send_next(Env& env, Session& s, uint32_t limit, Nanos now);
// The retransmission timer fired: RTO or tail loss probe.
void on_retransmission_timer(Env& env, Session& s, Nanos now);
// A packet without data: pure ack, window probe (`probe`: one before snd_una).
void send_ack(Env& env, Session& s, Nanos now, bool probe = false);
// RST at the position the test host expects.
void send_reset(Env& env, Session& s, Nanos now);
// SYN, first or again.
void send_syn(Env& env, Session& s, Nanos now);
void add_rtt_sample(Session& s, Nanos rtt);
[[nodiscard]] Nanos rto(const Env& env, const Session& s);
// Bytes believed in the network.
[[nodiscard]] uint32_t pipe(const Session& s);

}  // namespace mirrorlab::engine
