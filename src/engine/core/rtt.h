// RFC 6298: round-trip time and retransmission time-out; RFC 7323: the timestamp clock.
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

// Takes a sample of something sent once (Karn), or echoed by a timestamp; ends the back-off.
void add_rtt_sample(Session& s, Nanos rtt);
// The sample in a record's timestamp echo, where timestamps are in use; good also for what was
// sent more than once.
void add_rtt_sample_of_echo(Session& s, const wire::HeaderRecord& record, Nanos now);
[[nodiscard]] Nanos rto(const Env& env, const Session& s);
// The smoothed round-trip time, at least a tick of the timers.
[[nodiscard]] Nanos round_trip(const Session& s);
// Milliseconds; every connection of a 4-tuple begins above the one before, so that a test host in
// TIME-WAIT takes its SYN (RFC 6191).
[[nodiscard]] uint32_t own_timestamp(const Session& s, Nanos now);

}  // namespace mirrorlab::engine
