#include "engine/core/mirror.h"

#include <algorithm>

#include "engine/core/capture_side.h"
#include "engine/core/emit.h"
#include "engine/core/handshake.h"
#include "engine/core/reassembly.h"
#include "engine/core/receiver.h"
#include "engine/core/retransmission.h"
#include "engine/core/rtt.h"
#include "engine/core/sender.h"
#include "engine/core/session_end.h"
#include "engine/core/turns.h"

namespace mirrorlab::engine {

namespace {
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

// True when the engine has nothing more to do: both sides closed.
bool closed_both(const Session& s) { return s.fin_acked && s.rcv_fin; }

void record_in_established(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  if (!s.confirmed && on_record_unconfirmed(env, s, r, now)) return;
  if (r.has(kSyn)) {  // the SYN-ACK again: our ack of it was lost
    s.ack_due = true;
    // A host that waits for our ack cannot speak yet; its silence counts from here.
    if (!s.work->queue.in_flight()) s.all_acked_at = now;
    return;
  }
  if (!acceptable(s, r)) {
    ++env.counters.header_records_unacceptable;
    if (!r.has(kRst) || s.taken_back) s.ack_due = true;
    return;
  }
  if (r.has(kRst)) {
    fail_connection(env, s, s.rcv_fin ? LossReason::test_closed_first : LossReason::test_reset,
                    false, now);
    return;
  }
  if (r.has(kAck) && !receive_ack(env, s, r, now)) {
    ++env.counters.header_records_unacceptable;
    s.ack_due = true;
    return;
  }
  receive_answer(env, s, r, now);
}

// What the test host had said before it closed, said again: it overtook or lost our ack of it.
bool said_before(const Session& s, const wire::HeaderRecord& r) {
  if (r.payload_length == 0 || r.has(kSyn)) return false;
  const int64_t left = wire::unwrap(r.seq, s.irs_next, s.rcv_nxt);
  return left >= 0 && left + r.payload_length < s.rcv_nxt;
}

// TIME-WAIT: the last ack was lost; anything else belongs to a connection that is gone.
void record_in_finished(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  if (r.has(kRst)) {
    s.reset_at = kNever;
    return;
  }
  if (s.rcv_fin && s.fin_acked && r.has(kFin)) {
    emit_ack(env, s, now);
    // RFC 9293 3.10.7.8: the 2 MSL time-out starts again. Ours is shorter than that, and the next
    // FIN comes twice as late as this one did.
    s.end_at = now + 3 * std::max(env.config.time_wait, rto(env, s));
  } else if (s.rcv_fin && s.fin_acked && said_before(s, r)) {
    emit_ack(env, s, now);
  } else if (r.payload_length > 0 || r.has(kFin) || r.has(kSyn)) {
    emit_stray_reset(env, r);
  }
}

// The test host closed, the online host did not, and the client goes on with a new turn (S8).
bool must_reopen(const Session& s, const Segment& next) {
  return s.rcv_fin && !s.work->queue.in_flight() && next.kind == SegmentKind::data &&
         next.turn_start && s.rcv_nxt - s.mark_test != next.answer_mark - s.mark_online;
}

enum class Step : uint8_t { again, wait };

// Nothing acks a reset, and a test host that misses it holds its connection for ever. Why not asked
// whether it is still there: a host that forgot the connection would have to answer a stray packet.
constexpr uint8_t kResetRepeats = 2;

void repeat_reset_later(const Env& env, Session& s, Nanos now) {
  s.reset_at = s.backoff < kResetRepeats ? now + rto(env, s) : kNever;
}

void repeat_reset(Env& env, Session& s, Nanos now) {
  emit_reset(env, s, now);
  ++s.backoff;
  repeat_reset_later(env, s, now);
}

// A client's reset, or a gap: ends the mirrored connection once everything before it is acked.
Step play_reset(Env& env, Session& s, Nanos now) {
  if (s.work->queue.in_flight()) return Step::wait;
  const bool client_reset = s.work->queue.head->kind == SegmentKind::rst;
  const bool closed = closed_both(s);
  if (!closed) emit_reset(env, s, now);
  s.connection = Connection::none;
  s.work->rto_at = s.work->probe_at = s.work->ack_at = kNever;
  free_segment(env, s, s.work->queue.pop_front());
  if (client_reset) {
    finish_session(env, s, now);
    s.backoff = 0;
    if (!closed) repeat_reset_later(env, s, now);
  } else if (!env.config.reopen) {
    lose_all(env, s, s.discard_reason);
  }
  return Step::again;
}

// Looks at the first unsent segment of an established connection and sends it if its time has come.
Step send_new(Env& env, Session& s, Nanos now) {
  Segment* next = s.work->queue.next_unsent;
  if (next == nullptr) return Step::wait;
  if (must_reopen(s, *next)) {
    // The test host takes nothing more on this connection.
    emit_last_fin(env, s, now);
    fail_connection(env, s, LossReason::test_closed_first, false, now);
    return Step::again;
  }
  if (next->turn_start) note_enough(s, *next, now);
  const Release release = turn_release(env, s, *next);
  if (release.at > now) {
    s.work->turn_at = release.at;
    return Step::wait;
  }
  if (next->kind == SegmentKind::gap || next->kind == SegmentKind::rst) {
    return play_reset(env, s, now);
  }
  uint32_t limit = 0;
  if (next->kind == SegmentKind::data) {
    limit = sendable(env, s, *next, now);
    if (limit == 0) return Step::wait;
  }
  const bool first_turn = s.turns == 0 && next->kind == SegmentKind::data;
  if (next->turn_start || first_turn) release_turn(env, s, *next, release.rule);
  send_next(env, s, limit, now);
  return Step::again;
}

// No mirrored connection: the next data opens one, marks of ends before it are done with.
Step open_for_queue(Env& env, Session& s, Nanos now) {
  if (s.work->queue.empty()) {
    if (s.stream_complete) finish_session(env, s, now);
    return Step::wait;
  }
  if (s.work->queue.head->kind == SegmentKind::data) {
    open_connection(env, s, now);
    return Step::wait;
  }
  free_segment(env, s, s.work->queue.pop_front());
  return Step::again;
}
}  // namespace

void on_record(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  s.heard_at = now;
  switch (s.connection) {
    case Connection::syn_sent:
      return on_record_in_syn_sent(env, s, r, now);
    case Connection::established:
      return record_in_established(env, s, r, now);
    case Connection::finished:
      return record_in_finished(env, s, r, now);
    case Connection::none:
    case Connection::waiting:
      if (!r.has(kRst)) emit_stray_reset(env, r);
      return;
  }
}

void output(Env& env, Session& s, Nanos now) {
  if (s.has_work()) s.work->turn_at = kNever;
  for (Step step = Step::again; step == Step::again;) {
    step = Step::wait;
    if (s.connection == Connection::none) {
      step = open_for_queue(env, s, now);
    } else if (s.connection == Connection::established) {
      send_lost(env, s, now);
      ack_surplus(env, s, now);
      step = send_new(env, s, now);
    }
  }
  if (s.connection != Connection::established) return;
  send_due_ack(env, s, now);
  if (closed_both(s)) finish_session(env, s, now);
}

namespace {
// The test host is given up when nothing was heard for the user timeout, or when it answers but
// takes nothing (a window that stays closed).
LossReason given_up(const Env& env, const Session& s, Nanos now) {
  if (s.work->stalled_since == 0 || !env.link_up(s)) return LossReason::none;
  const Nanos since = std::max(s.work->stalled_since, env.silence_counts_from(s));
  if (now - std::max(since, s.heard_at) >= env.config.user_timeout) {
    return LossReason::test_unreachable;
  }
  return now - since >= env.config.stall_timeout ? LossReason::test_stalled : LossReason::none;
}

// How long silence is borne. Shorter for a client that never finished its handshake, for one that
// closed while the test host does not (FIN-WAIT-2, as Linux does), and for one of which only acks
// were seen.
Nanos idle_limit(const Env& env, const Session& s) {
  Nanos limit = env.config.idle_timeout;
  if (s.fin_acked) limit = std::min(limit, env.config.fin_wait_timeout);
  // Why: the online host let go of the 4-tuple, thus the test host would have too.
  if (s.fin_acked && s.successor != kNoSession) limit = std::min(limit, env.config.turn_hold_limit);
  if (!s.counted) limit = std::min(limit, env.config.fin_wait_timeout * 5);
  const bool half_open = s.whole && !s.answer_zero_known;
  if (half_open && s.connection == Connection::established)
    limit = std::min(limit, env.config.handshake_timeout);
  return limit;
}
}  // namespace

void on_session_timer(Env& env, Session& s, Nanos now) {
  if (s.connection == Connection::finished) return repeat_reset(env, s, now);
  if (gap_deadline(env, s) <= now) declare_gap(env, s, LossReason::capture_gap, now);
  if (s.work->rto_at <= now || s.work->probe_at <= now) {
    if (s.connection == Connection::syn_sent) {
      on_syn_timer(env, s, now);
    } else if (const LossReason reason = given_up(env, s, now); reason != LossReason::none) {
      fail_connection(env, s, reason, true, now);
    } else {
      fire_retransmission_timers(env, s, now);
    }
  }
  if (now - s.active_at() >= idle_limit(env, s)) {
    end_session(env, s, LossReason::idle_timeout, now);
  }
}

Nanos next_deadline(const Env& env, const Session& s) {
  if (s.connection == Connection::finished) return std::min(s.end_at, s.reset_at);
  if (!s.has_work()) return kNever;
  if (s.connection == Connection::waiting) return gap_deadline(env, s);
  const Work& w = *s.work;
  return std::min({w.rto_at, w.probe_at, w.turn_at, w.ack_at, gap_deadline(env, s)});
}

Nanos idle_deadline(const Env& env, const Session& s) {
  if (s.connection == Connection::finished || s.connection == Connection::waiting) return kNever;
  return s.active_at() + idle_limit(env, s);
}

}  // namespace mirrorlab::engine
