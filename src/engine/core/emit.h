// The packets a mirrored connection sends, one function each.
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

void emit_syn(Env& env, Session& s, Nanos now);
// Data or FIN, first or again.
void emit_segment(Env& env, Session& s, Segment& segment, Nanos now);
void emit_ack(Env& env, Session& s, Nanos now);
// An ack one below snd_una, which the test host must answer (RFC 9293 3.8.4, 3.8.6.1).
void emit_probe(Env& env, Session& s, Nanos now);
// RST at the position the test host expects.
void emit_reset(Env& env, Session& s, Nanos now);
// The engine's own FIN for a connection the test host has closed and that is then forgotten: what
// the test host still holds is in TIME-WAIT, or answers the next SYN with a challenge ack.
void emit_last_fin(Env& env, Session& s, Nanos now);
// A reset answering a stray packet of the test host with the numbers it gave (RFC 9293 3.10.7.1).
void emit_stray_reset(Env& env, const wire::HeaderRecord& record);

}  // namespace mirrorlab::engine
