// The client's stream as captured: its packets to reassembly and queue (S2, S3), joining in the
// middle (S9), close and reset (S8), limits (S11). Never sends.
#pragma once

#include "engine/core/env.h"
#include "wire/packet.h"

namespace mirrorlab::engine {

// A session that begins with this SYN, or in the middle with this other packet.
void begin_stream(Env& env, Session& s, const wire::TcpPacket& packet, Nanos now);
// Any later packet of the connection (also data that came with the SYN).
void capture_packet(Env& env, Session& s, const wire::TcpPacket& packet, Nanos now);
// Nothing more can come (the client reset, a new SYN took the 4-tuple, or the engine ends).
void end_stream(Env& env, Session& s, Nanos now);
// Loses what acks show to have been missed behind the last captured byte; nothing will come after
// it.
void lose_missed_end(Env& env, Session& s);
// The client's end may have been missed: lets go of the test host's connection. A client that goes
// on all the same gets another one, at its next turn.
void let_go(Env& env, Session& s, Nanos now);
// Queues a reset where the captured stream ends.
void append_reset(Env& env, Session& s, Nanos now);
// Loses every byte that waits, up to the next turn boundary in the queue, if there is one; without
// one, what is captured from now on is lost too, until a turn begins.
void lose_turn(Env& env, Session& s, LossReason reason);
// Loses the first segment of the queue.
void lose_head(Env& env, Session& s, LossReason reason);
// Loses everything that waits and whatever comes.
void lose_all(Env& env, Session& s, LossReason reason);
// Enters the session into the account (a watched connection does so with its first data).
// The client repeats itself; its packet before came at `before`.
void note_repeat(Session& s, Nanos before, Nanos now);
// Until when its next repetition may be waited for: back-off doubles the time between them.
[[nodiscard]] Nanos patience(const Session& s);
void count_session(Env& env, Session& s);

}  // namespace mirrorlab::engine
