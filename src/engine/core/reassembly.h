// S2: captured bytes into stream order. Bytes beyond a hole wait, for the client's own
// retransmission, or until it is certain that it will not come.
//
// The list of what waits is sorted and disjoint; of overlapping bytes those first received count.
// Limits: Config::max_out_of_order segments behind one hole; then the hole is given up.
#pragma once

#include "engine/core/env.h"
#include "wire/packet.h"

namespace mirrorlab::engine {

// Counts a conflict when bytes that are still held differ from these (S2).
void compare_with_held(Env& env, const Session& s, int64_t offset, wire::Bytes data);
// Keeps the parts of [offset, offset + data.size()) that nothing holds yet, beyond client_next.
// `cut`: first bytes of their packet were known and are left out already.
void keep_out_of_order(Env& env, Session& s, int64_t offset, wire::Bytes data, bool cut, bool push,
                       Nanos now);
// A FIN, or a reset nobody has confirmed yet, beyond client_next.
void keep_out_of_order_end(Env& env, Session& s, int64_t offset, SegmentKind kind, Nanos now);
// Moves what client_next has reached into the queue.
void drain_out_of_order(Env& env, Session& s);
// A reset ahead of the stream was no reset if the client goes on: beyond it, or later. A packet
// that ends before it, just after, was sent before it and overtaken. `end`: of the packet at hand.
void forget_void_reset(Env& env, Session& s, int64_t end, Nanos now);
// What lies beyond a reset was never taken by the online host: it is no stream.
void forget_out_of_order(Env& env, Session& s);
// Notes since when there is a hole, and what the client had acked before; or that there is none.
void note_hole(Session& s, int64_t acked_before, Nanos now);
// When the hole counts as never captured; kNever without a hole.
[[nodiscard]] Nanos gap_deadline(const Env& env, const Session& s);
// Gives the hole up: books it, and what falls with it, under `reason`.
void declare_gap(Env& env, Session& s, LossReason reason, Nanos now);

}  // namespace mirrorlab::engine
