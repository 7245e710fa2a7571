// Making a session's segments: what was captured, and the events between.
#pragma once

#include "engine/core/env.h"

namespace mirrorlab::engine {

// A segment without data, marked with what the client had seen when it was captured.
[[nodiscard]] Segment* make_segment(Env& env, Session& s, int64_t offset, SegmentKind kind,
                                    Nanos now);
// A segment that holds a copy of `data`.
[[nodiscard]] Segment* make_data(Env& env, Session& s, int64_t offset, wire::Bytes data, bool push,
                                 Nanos now);
// Where a mirrored connection may begin: at a turn, or at the first byte after a captured SYN.
[[nodiscard]] bool is_boundary(const Session& s, const Segment& segment);
// Puts a segment that has become in-order into the queue, or loses it.
void append(Env& env, Session& s, Segment* segment);
// Queues the mark at which the mirrored connection is reset because bytes are missing, and loses
// what follows for `reason` until a turn begins. `answer_mark`: what the client had seen before.
void append_gap(Env& env, Session& s, LossReason reason, int64_t answer_mark, Nanos now);

}  // namespace mirrorlab::engine
