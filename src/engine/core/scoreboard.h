// The SACK scoreboard of RFC 6675, on the segments in flight.
#pragma once

#include "engine/core/env.h"
#include "wire/tcp_options.h"

namespace mirrorlab::engine {

inline constexpr uint8_t kDupThresh = 3;

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
// Takes a segment's marks out of the sums, before it leaves the queue or is cut.
void forget_marks(Session& s, const Segment& segment);

}  // namespace mirrorlab::engine
