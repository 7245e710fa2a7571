// How much may be in the network: RFC 5681 with RFC 6582 (NewReno) and 6675 (SACK) recovery.
#pragma once

#include "engine/core/env.h"
#include "wire/header_record.h"

namespace mirrorlab::engine {

inline constexpr uint32_t kMaxCwnd = 64U << 20U;

[[nodiscard]] uint32_t initial_window(const Session& s);  // RFC 6928
// Bytes believed in the network.
[[nodiscard]] uint32_t pipe(const Session& s);
// Room for new data now: the smaller of the test host's and the congestion window.
[[nodiscard]] uint32_t send_room(const Session& s);
void grow_window(Session& s, uint32_t acked);
void enter_fast_recovery(Env& env, Session& s);
// After an RTO: one segment, then slow start (RFC 5681 section 3.1).
void enter_timeout_recovery(Session& s, Nanos now);
// Ends that recovery as if it had not begun, when the first new ack echoes a packet from before it:
// the time-out was spurious (Eifel, RFC 3522 and 4015).
void undo_spurious_timeout(Env& env, Session& s, const wire::HeaderRecord& record);

}  // namespace mirrorlab::engine
