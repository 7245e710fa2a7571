// The SACK scoreboard of RFC 6675, on the segments in flight.
//
// Marks live on the segments; sacked_out, lost_out and retrans_out are their sums in sequence
// space, so that the pipe costs nothing to know. Walks go on where the last one ended (the hints of
// Session), so that the cost of a record does not grow with what is in flight.
#pragma once

#include "engine/core/env.h"
#include "wire/tcp_options.h"

namespace mirrorlab::engine {

inline constexpr uint8_t kDupThresh = 3;

// Forgets all marks and hints of the sums (not those on segments).
void clear_scoreboard(Session& s);
// Marks what the blocks cover; blocks outside [snd_una, snd_nxt] (also duplicate SACKs, RFC 2883)
// are ignored. True when something new was sacked.
bool mark_sacked(Session& s, const wire::TcpOptions& options);
// IsLost(): more than (DupThresh - 1) * SMSS bytes, or DupThresh segments, were sacked above.
// True when something new is lost.
bool mark_lost_by_sack(Session& s);
// Without SACK: the first segment in flight. True when it was not marked before.
bool mark_head_lost(Session& s);
// After an RTO everything in flight is lost; SACK marks are forgotten, for the test host may have
// reneged (RFC 2018 section 8).
void mark_all_lost(Session& s);
// Takes that back: nothing was lost, what is not sacked is still on its way.
void mark_none_lost(Session& s);
// The first segment that is lost and was not sent again since; null when there is none.
[[nodiscard]] Segment* next_to_resend(Session& s);
// It was sent again.
void mark_resent(Session& s, Segment& segment);
// Takes a segment out of the sums, before it leaves the queue (always at its head) or loses a part.
void leave_scoreboard(Session& s, Segment& segment);
// The front `bytes` of the first segment in flight were acked, the rest was not: it stays what it
// is.
void cut_in_scoreboard(Session& s, Segment& head, uint32_t bytes);

}  // namespace mirrorlab::engine
