#include "engine/core/mirror.h"

#include <algorithm>

#include "engine/core/capture_side.h"
#include "engine/core/receiver.h"
#include "engine/core/sender.h"
#include "engine/core/turns.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

constexpr uint16_t kDefaultMss4 = 536, kDefaultMss6 = 1220;  // RFC 9293 3.7.1
// Why: a refused connection is tried again at the test service's pace of coming up, not ours.
constexpr Nanos kRefusedRetry = 200 * kMillisecond;

bool alive(const Session& s) {
  return s.connection == Connection::syn_sent || s.connection == Connection::established;
}

void establish(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  const bool v4 = s.client.address.is_v4();
  const auto path = static_cast<uint16_t>(env.config.mtu - (v4 ? 40 : 60));
  const auto& o = r.options;
  s.timestamps_ok = s.client_timestamps && o.timestamps.has_value();
  s.sack_ok = s.client_sack && o.sack_permitted;
  s.scale_ok = s.client_has_scale && o.window_scale.has_value();
  s.snd_scale = s.scale_ok ? std::min<uint8_t>(*o.window_scale, 14) : 0;
  const uint16_t offered = std::max<uint16_t>(o.mss.value_or(v4 ? kDefaultMss4 : kDefaultMss6), 64);
  s.snd_mss = std::min(offered, path);
  if (s.timestamps_ok) s.snd_mss = static_cast<uint16_t>(s.snd_mss - 12);
  if (o.timestamps) s.ts_recent = o.timestamps->value;
  s.connection = Connection::established;
  s.irs_next = r.seq + 1;
  s.rcv_nxt = s.ack_sent = 0;
  s.rcv_ranges = 0;
  s.rcv_fin = false;
  s.last_pushed = false;
  s.snd_wnd = r.window;      // never scaled in a SYN (RFC 7323 2.2)
  s.cwnd = 10U * s.snd_mss;  // RFC 6928
  if (s.backoff == 0) add_rtt_sample(s, now - s.opened_at);
  s.backoff = 0;
  s.rtx_at = kNever;
  s.answer_at = s.all_acked_at = now;
  s.mark_test = 0;
  // From the stream's first byte on, what the server says first is waited for as well.
  const bool from_start = s.whole && s.snd_una == 0;
  s.mark_online = from_start ? 0 : s.queue.empty() ? s.last_data_mark : s.queue.head->answer_mark;
  s.ack_due = true;
}

void record_in_syn_sent(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  const bool acks_syn = r.has(kAck) && r.ack == wire::wrap(s.snd_una, s.zero);
  if (r.has(kAck) && !acks_syn) {
    // An old connection of the test host answers for itself (S10): end it by its own numbers.
    if (r.has(kRst)) return;
    ++env.counters.challenge_acks;
    reset_stray(env, r);
    ++env.counters.syn_retransmitted;
    send_syn(env, s, now);
    return;
  }
  if (r.has(kRst)) {
    if (!acks_syn) return;
    s.refused = true;
    s.rtx_at = now + std::min(kRefusedRetry << std::min<uint8_t>(s.backoff, 4), 2 * kSecond);
    return;
  }
  if (r.has(kSyn) && acks_syn) establish(env, s, r, now);
}

void record_in_established(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  if (r.has(kSyn)) {  // the SYN-ACK again: our ack of it was lost
    s.ack_due = true;
    return;
  }
  const int64_t left = wire::unwrap(r.seq, s.irs_next, s.rcv_nxt);
  if (r.has(kRst)) {
    // Why: records before it may be missing, so anything at or ahead of rcv_nxt is believed.
    if (left < s.rcv_nxt) return;
    fail_connection(env, s, s.rcv_fin ? LossReason::test_closed_first : LossReason::test_reset,
                    false, now);
    return;
  }
  if (s.timestamps_ok && r.options.timestamps) {
    const auto age = static_cast<int32_t>(r.options.timestamps->value - s.ts_recent);
    if (age < 0 && left < s.rcv_nxt) {  // PAWS (RFC 7323 5.3): an old duplicate
      s.ack_due = true;
      return;
    }
    if (age > 0 && left <= s.rcv_nxt) s.ts_recent = r.options.timestamps->value;
  }
  if (r.has(kAck) && !receive_ack(env, s, r, now)) {
    s.ack_due = true;
    return;
  }
  receive_answer(env, s, r, now);
}

// True when the engine has nothing more to do: both sides closed.
bool closed_both(const Session& s) { return s.fin_acked && s.rcv_fin; }

// The test host closed, the online host did not, and the client goes on with a new turn (S8).
bool must_reopen(const Session& s, const Segment& next) {
  return s.rcv_fin && !s.queue.in_flight() && next.kind == SegmentKind::data && next.turn_start &&
         s.rcv_nxt - s.mark_test != next.answer_mark - s.mark_online;
}

// Sends the engine's own FIN for a connection the test host has closed, and forgets it: what the
// test host still holds then is in TIME-WAIT or answers the next SYN with a challenge ack.
void close_forgotten(Env& env, Session& s, Nanos now) {
  wire::TcpHeader h;
  h.src = s.client;
  h.dst = env.config.mappings[s.mapping].test;
  h.seq = wire::wrap(s.snd_nxt, s.zero);
  h.ack = wire::wrap(s.rcv_nxt, s.irs_next);
  h.flags = kFin | kAck;
  h.window = 0xffff;
  if (s.timestamps_ok) {
    h.options.timestamps = {static_cast<uint32_t>(now / kMillisecond), s.ts_recent};
  }
  ++env.counters.segments_sent;
  env.sink.transmit(h, {});
}

// The test host takes nothing more on this connection.
void abandon_closed(Env& env, Session& s, Nanos now) {
  close_forgotten(env, s, now);
  fail_connection(env, s, LossReason::test_closed_first, false, now);
}

enum class Step : uint8_t { again, wait };

// A client's reset, or a gap: ends the mirrored connection once everything before it is acked.
Step play_reset(Env& env, Session& s, Nanos now) {
  if (s.queue.in_flight()) return Step::wait;
  const bool client_reset = s.queue.head->kind == SegmentKind::rst;
  if (!closed_both(s)) send_reset(env, s, now);
  s.connection = Connection::none;
  s.rtx_at = kNever;
  free_segment(env, s, s.queue.pop_front());
  if (client_reset) finish_session(env, s, now);
  return Step::again;
}

// How many bytes of `next` the windows take now; 0: wait.
uint32_t sendable(const Env& env, Session& s, const Segment& next, Nanos now) {
  const uint32_t whole = std::min<uint32_t>(next.length, s.snd_mss);
  const uint32_t room = send_room(s);
  if (room >= whole) return whole;
  // RFC 9293 3.8.6.2.1: no silly small segments while acks are under way that open the window.
  if (s.queue.in_flight()) return 0;
  if (room == 0 && s.rtx_at == kNever) s.rtx_at = now + rto(env, s);  // persist timer
  return room;
}

// Looks at the first unsent segment of an established connection and sends it if its time has come.
Step send_new(Env& env, Session& s, Nanos now) {
  Segment* next = s.queue.next_unsent;
  if (next == nullptr) return Step::wait;
  if (must_reopen(s, *next)) {
    abandon_closed(env, s, now);
    return Step::again;
  }
  const Release release = turn_release(env, s, *next);
  if (release.at > now) {
    s.turn_at = release.at;
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
}  // namespace

void reset_stray(Env& env, const wire::HeaderRecord& r) {
  wire::TcpHeader h;
  h.src = r.flow.client;
  h.dst = r.flow.server;
  if (r.has(kAck)) {
    h.seq = r.ack;
    h.flags = kRst;
  } else {
    h.ack = r.seq + r.payload_length + (r.has(kSyn) ? 1U : 0U) + (r.has(kFin) ? 1U : 0U);
    h.flags = kRst | kAck;
  }
  ++env.counters.resets_sent;
  ++env.counters.segments_sent;
  env.sink.transmit(h, {});
}

void open_connection(Env& env, Session& s, Nanos now) {
  s.connection = Connection::syn_sent;
  ++s.connections;
  if (s.connections > 1) ++env.counters.reopened;
  const int64_t start = s.queue.empty() ? s.client_next : s.queue.head->offset;
  start_sending(s, start);
  s.opened_at = now;
  s.refused = false;
  s.timestamps_ok = false;
  s.turn_at = s.ack_at = kNever;
  if (!s.claimed) env.sink.claim(env.mirrored_flow(s));
  s.claimed = true;
  send_syn(env, s, now);
}

void fail_connection(Env& env, Session& s, LossReason reason, bool reset, Nanos now) {
  if (reset && alive(s)) send_reset(env, s, now);
  s.connection = Connection::none;
  s.rtx_at = s.turn_at = s.ack_at = kNever;
  s.ack_due = false;
  s.all_acked_at = now;
  if (env.config.reopen) {
    lose_turn(env, s, reason);
  } else {
    lose_all(env, s, reason);
  }
}

void finish_session(Env& env, Session& s, Nanos now) {
  if (s.connection == Connection::finished) return;
  lose_all(env, s, LossReason::shutdown);  // empty but where the caller left something
  s.connection = Connection::finished;
  s.rtx_at = s.turn_at = s.ack_at = kNever;
  s.end_at = now + env.config.time_wait;
  if (!s.counted) return;
  --env.account.sessions_live;
  if (s.first_loss == LossReason::none) {
    ++env.account.sessions_mirrored;
  } else {
    ++env.account.sessions_lost[static_cast<size_t>(s.first_loss)];
  }
  SessionReport report;
  report.online = {s.client, s.online};
  report.test = env.config.mappings[s.mapping].test;
  report.reason = s.first_loss;
  report.bytes_captured = s.bytes_captured;
  report.bytes_mirrored = s.bytes_mirrored;
  report.bytes_lost = s.bytes_lost;
  report.answer_bytes = s.answer_bytes;
  report.turns = s.turns;
  report.connections = s.connections;
  env.sink.on_session_end(report);
}

void supersede(Env& env, Session& s, Nanos now) {
  if (s.first_loss == LossReason::none) s.first_loss = LossReason::superseded;
  append_reset(env, s, now);
}

void end_session(Env& env, Session& s, Nanos now) {
  end_stream(env, s, now);
  const bool unfinished = !s.queue.empty() || s.connection == Connection::syn_sent ||
                          s.connection == Connection::waiting;
  if (unfinished && s.first_loss == LossReason::none) s.first_loss = LossReason::shutdown;
  if (alive(s)) send_reset(env, s, now);
  lose_all(env, s, LossReason::shutdown);
  finish_session(env, s, now);
}

void on_record(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  s.active_at = s.heard_at = now;
  switch (s.connection) {
    case Connection::syn_sent:
      record_in_syn_sent(env, s, r, now);
      return;
    case Connection::established:
      record_in_established(env, s, r, now);
      return;
    case Connection::finished:
      if (r.has(kRst)) return;
      // TIME-WAIT: the last ack was lost; anything else belongs to a connection that is gone.
      if (s.rcv_fin && r.has(kFin) && s.fin_acked) {
        send_ack(env, s, now);
      } else if (r.payload_length > 0 || r.has(kFin) || r.has(kSyn)) {
        reset_stray(env, r);
      }
      return;
    case Connection::none:
    case Connection::waiting:
      if (!r.has(kRst)) reset_stray(env, r);
      return;
  }
}

void output(Env& env, Session& s, Nanos now) {
  s.turn_at = kNever;
  for (Step step = Step::again; step == Step::again;) {
    step = Step::wait;
    if (s.connection == Connection::none) {
      if (s.queue.empty()) {
        if (s.stream_complete) finish_session(env, s, now);
        break;
      }
      if (s.queue.head->kind == SegmentKind::data) {
        open_connection(env, s, now);
        break;
      }
      free_segment(env, s, s.queue.pop_front());
      step = Step::again;
    } else if (s.connection == Connection::established) {
      send_lost(env, s, now);
      step = send_new(env, s, now);
    }
  }
  if (s.connection != Connection::established) return;
  const int64_t ack = ack_point(env, s, now);
  if (ack > s.ack_sent || (s.ack_due && (ack == s.rcv_nxt || s.rcv_ranges > 0))) {
    send_ack(env, s, now);
  }
  // Why: an ack held back for the client's pace must not look like a duplicate of the last one.
  s.ack_due = false;
  if (s.ack_sent < s.rcv_nxt && s.ack_at == kNever) s.ack_at = now + env.config.ack_hold_limit;
  if (closed_both(s)) finish_session(env, s, now);
}

namespace {
void fail_handshake(Env& env, Session& s, Nanos now) {
  const LossReason reason =
      s.refused ? LossReason::handshake_refused : LossReason::handshake_timeout;
  if (s.first_loss == LossReason::none) s.first_loss = reason;
  // Why: a turn nobody took is lost, and its successor is a new attempt; else this one would be
  // tried for ever.
  if (!s.queue.empty() && s.queue.head->kind == SegmentKind::data) {
    book_lost(env, s, s.queue.head->length, reason);
    free_segment(env, s, s.queue.pop_front());
  }
  fail_connection(env, s, reason, !s.refused, now);
}

// Idle limits: a closed client waits for the test host's FIN as Linux does, a connection of which
// only acks were seen is forgotten sooner than one that is mirrored.
Nanos idle_limit(const Env& env, const Session& s) {
  Nanos limit = env.config.idle_timeout;
  if (s.fin_acked) limit = std::min(limit, env.config.fin_wait_timeout);
  if (!s.counted) limit = std::min(limit, env.config.fin_wait_timeout * 5);
  return limit;
}
}  // namespace

void on_session_timer(Env& env, Session& s, Nanos now) {
  if (gap_deadline(env, s) <= now) declare_gap(env, s, now);
  if (s.rtx_at <= now) {
    if (s.connection == Connection::syn_sent) {
      if (now - s.opened_at >= env.config.handshake_timeout && env.link_up) {
        fail_handshake(env, s, now);
      } else {
        if (s.backoff < 16) ++s.backoff;
        ++env.counters.syn_retransmitted;
        send_syn(env, s, now);
      }
    } else if (s.connection == Connection::established) {
      const Nanos heard = std::max({s.heard_at, env.link_up_at, s.all_acked_at});
      if (s.queue.in_flight() && env.link_up && now - heard >= env.config.user_timeout) {
        fail_connection(env, s, LossReason::test_unreachable, true, now);
      } else {
        on_retransmission_timer(env, s, now);
      }
    } else {
      s.rtx_at = kNever;
    }
  }
  if (s.connection != Connection::finished && now - s.active_at >= idle_limit(env, s)) {
    end_stream(env, s, now);
    if (alive(s)) send_reset(env, s, now);
    lose_all(env, s, LossReason::idle_timeout);
    finish_session(env, s, now);
    return;
  }
  output(env, s, now);
}

Nanos session_deadline(const Env& env, const Session& s) {
  if (s.connection == Connection::finished) return s.end_at;
  return std::min(
      {s.rtx_at, s.turn_at, s.ack_at, gap_deadline(env, s), s.active_at + idle_limit(env, s)});
}

}  // namespace mirrorlab::engine
