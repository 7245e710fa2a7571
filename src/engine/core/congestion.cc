#include "engine/core/congestion.h"

#include <algorithm>

#include "engine/core/rtt.h"
#include "engine/core/scoreboard.h"

namespace mirrorlab::engine {

namespace {
void halve(Session& s) {
  // FlightSize: what is not acked, sacked or not (RFC 5681 equation 4).
  const auto flight = static_cast<uint32_t>(s.snd_nxt - s.snd_una);
  s.ssthresh = std::max<uint32_t>(flight / 2, 2U * s.snd_mss);
}
}  // namespace

uint32_t initial_window(const Session& s) { return 10U * s.snd_mss; }

uint32_t pipe(const Session& s) {
  const auto out = static_cast<uint32_t>(s.snd_nxt - s.snd_una);
  const uint32_t in_network = out - s.work->sacked_out - s.work->lost_out + s.work->retrans_out;
  if (s.sack_ok) return in_network;
  // Without SACK each dup ack tells of one segment that has left (RFC 6582 step 3, RFC 3042).
  const uint32_t left = uint32_t{s.dup_acks} * s.snd_mss;
  return std::max(in_network > left ? in_network - left : 0, s.work->retrans_out);
}

uint32_t send_room(const Session& s) {
  const int64_t window = s.snd_una + s.snd_wnd - s.snd_nxt;
  if (window <= 0) return 0;
  const uint32_t in_network = pipe(s);
  const uint32_t congestion = s.cwnd > in_network ? s.cwnd - in_network : 0;
  return static_cast<uint32_t>(std::min<int64_t>(window, congestion));
}

void grow_window(Session& s, uint32_t acked) {
  if (s.recovery == Recovery::fast) return;
  if (s.cwnd < s.ssthresh) {
    s.cwnd += std::min<uint32_t>(acked, 2U * s.snd_mss);  // RFC 3465, L = 2
  } else {
    const uint64_t counted = std::min<uint32_t>(acked, s.snd_mss);
    s.cwnd += std::max<uint32_t>(1, static_cast<uint32_t>(s.snd_mss * counted / s.cwnd));
  }
  s.cwnd = std::min(s.cwnd, kMaxCwnd);
}

void enter_fast_recovery(Env& env, Session& s) {
  ++env.counters.fast_retransmits;
  s.recovery = Recovery::fast;
  s.work->undo_cwnd = 0;
  s.recover = s.snd_nxt;
  halve(s);
  s.cwnd = s.ssthresh;
}

void enter_timeout_recovery(Session& s, Nanos now) {
  if (s.recovery == Recovery::none && s.timestamps_ok) {
    s.work->undo_cwnd = s.cwnd;
    s.work->undo_ssthresh = s.ssthresh;
    s.work->resent_at = own_timestamp(s, now);
  }
  // Why: an RTO of a retransmission says nothing new about the path.
  if (s.recovery == Recovery::none || s.backoff == 0) halve(s);
  s.recovery = Recovery::timeout;
  s.recover = s.snd_nxt;
  s.cwnd = s.snd_mss;
}

void undo_spurious_timeout(Env& env, Session& s, const wire::HeaderRecord& record) {
  const uint32_t cwnd = s.work->undo_cwnd;
  if (cwnd == 0) return;
  s.work->undo_cwnd = 0;
  if (!record.options.timestamps) return;
  const uint32_t echo = record.options.timestamps->echo_reply;
  if (static_cast<int32_t>(echo - s.work->resent_at) >= 0) return;
  ++env.counters.rto_spurious;
  mark_none_lost(s);
  s.recovery = Recovery::none;
  s.cwnd = std::max(s.cwnd, cwnd);
  s.ssthresh = std::max(s.ssthresh, s.work->undo_ssthresh);
}

}  // namespace mirrorlab::engine
