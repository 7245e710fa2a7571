#include "engine/core/session_end.h"

#include "engine/core/capture_side.h"
#include "engine/core/emit.h"
#include "engine/core/rtt.h"

namespace mirrorlab::engine {

namespace {
bool alive(const Session& s) {
  return s.connection == Connection::syn_sent || s.connection == Connection::established;
}

void stop_timers(Session& s) {
  if (!s.has_work()) return;
  s.work->rto_at = s.work->probe_at = s.work->turn_at = s.work->ack_at = kNever;
}

SessionReport report_of(const Env& env, const Session& s) {
  SessionReport report;
  report.online = {s.client, s.online};
  report.test = env.config.mappings[s.mapping].test;
  report.first_seq = s.zero;
  report.reason = s.first_loss;
  report.bytes_captured = s.bytes_captured;
  report.bytes_mirrored = s.bytes_mirrored;
  report.bytes_lost = s.bytes_lost;
  report.answer_bytes = s.answer_bytes;
  report.turns = s.turns;
  report.connections = s.connections;
  report.end_captured = s.stream_complete;
  return report;
}
}  // namespace

void fail_connection(Env& env, Session& s, LossReason reason, bool reset, Nanos now) {
  if (reset && alive(s)) emit_reset(env, s, now);
  s.connection = Connection::none;
  stop_timers(s);
  s.ack_due = false;
  s.rcv_ranges = 0;
  s.all_acked_at = now;
  if (env.config.reopen) {
    // Why: a connection that took nothing takes the turn that waited for it along, else that turn
    // would be tried for ever.
    const bool waited = !s.took_turn && !s.work->queue.empty();
    if (waited && s.work->queue.head->kind == SegmentKind::data) lose_head(env, s, reason);
    lose_turn(env, s, reason);
  } else {
    lose_all(env, s, reason);
  }
}

void finish_session(Env& env, Session& s, Nanos now) {
  if (s.connection == Connection::finished) return;
  lose_all(env, s, LossReason::shutdown);  // empty but where the caller left something
  s.connection = Connection::finished;
  stop_timers(s);
  s.rcv_ranges = 0;
  // Why the patience: what a client repeats after its session is forgotten looks like another one.
  // The test host's RTO, after which a FIN comes again, is about as long as ours, or twice that.
  s.end_at = std::max(now + std::max(env.config.time_wait, 4 * rto(env, s)), patience(s));
  s.reset_at = kNever;
  if (!s.counted) return;
  --env.account.sessions_live;
  if (s.first_loss == LossReason::none) {
    ++env.account.sessions_mirrored;
  } else {
    ++env.account.sessions_lost[static_cast<size_t>(s.first_loss)];
  }
  env.sink.on_session_end(report_of(env, s));
}

void supersede(Env& env, Session& s, Nanos now) {
  lose_missed_end(env, s);
  if (s.first_loss == LossReason::none) {
    s.first_loss = env.end_may_be_missed(s) ? LossReason::capture_gap : LossReason::superseded;
  }
  append_reset(env, s, now);
}

void end_session(Env& env, Session& s, LossReason reason, Nanos now) {
  end_stream(env, s, now);
  lose_missed_end(env, s);
  // What it waits for in vain is why it is lost, whoever ends it.
  if (s.connection == Connection::syn_sent && s.refused) reason = LossReason::handshake_refused;
  // The client's own reset is played by the one below.
  const bool only_reset_waits = s.connection == Connection::established && !s.work->queue.empty() &&
                                !s.work->queue.in_flight() &&
                                s.work->queue.head->kind == SegmentKind::rst;
  const bool unfinished = (!s.work->queue.empty() && !only_reset_waits) ||
                          s.connection == Connection::syn_sent ||
                          s.connection == Connection::waiting;
  if (unfinished && s.first_loss == LossReason::none) s.first_loss = reason;
  if (env.end_may_be_missed(s) && s.first_loss == LossReason::none) {
    s.first_loss = LossReason::capture_gap;
  }
  if (alive(s)) emit_reset(env, s, now);
  lose_all(env, s, reason);
  finish_session(env, s, now);
}

}  // namespace mirrorlab::engine
