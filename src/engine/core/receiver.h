// S6 and S7: the receiving side of the mirrored connection. Only positions are kept; the test
// host's data was never returned.
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"
#include "wire/tcp_options.h"

namespace mirrorlab::engine {

// Takes the data and FIN of a record; asks for an ack where a receiver would send one.
void receive_answer(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now);
// How far the client has acked the answers, in the test host's.
[[nodiscard]] int64_t client_position(const Session& s);
// The answer offset the next packet may ack (AckPolicy).
[[nodiscard]] int64_t ack_point(const Env& env, const Session& s, Nanos now);
// The window field of the next packet.
[[nodiscard]] uint16_t receive_window_field(const Env& env, const Session& s, Nanos now);
// True when the record's sequence numbers lie where the test host's can (RFC 9293 3.10.7.4), and
// not before what PAWS knows (RFC 7323 5.3). Keeps the timestamp to echo.
[[nodiscard]] bool acceptable(Session& s, const wire::HeaderRecord& record);
// Sends the ack that is due, as the policy says.
void send_due_ack(Env& env, Session& s, Nanos now);
// The client acked or its window moved (AckPolicy::client).
void note_client_ack(const Env& env, Session& s, Nanos now);
// AckPolicy::client: acks what the test host says beyond all the client heard, once the client has
// gone on to its next turn.
void ack_surplus(Env& env, Session& s, Nanos now);
// Keeps what the packet being sent acks and offers.
void note_window(const Env& env, Session& s, int64_t ack, uint16_t window, Nanos now);
// SACK blocks for out-of-order answers, where negotiated.
void write_sack(const Session& s, wire::TcpOptions& options);

}  // namespace mirrorlab::engine
