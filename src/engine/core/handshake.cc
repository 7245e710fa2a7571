#include "engine/core/handshake.h"

#include <algorithm>

#include "engine/core/capture_side.h"
#include "engine/core/congestion.h"
#include "engine/core/emit.h"
#include "engine/core/receiver.h"
#include "engine/core/rtt.h"
#include "engine/core/sender.h"
#include "engine/core/session_end.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
using wire::tcp_flag::kAck;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

constexpr uint16_t kDefaultMss4 = 536, kDefaultMss6 = 1220;  // RFC 9293 3.7.1
constexpr uint16_t kLeastMss = 64;
constexpr uint16_t kTimestampBytes = 12;
// Why: a refused connection is tried again at the test service's pace of coming up, not ours.
constexpr Nanos kRefusedRetry = 200 * kMillisecond;
// How often a handshake begins anew because the test host resets what it seemed to have agreed to:
// copies of our own resets may come late, but a service that refuses must not be asked for ever.
constexpr uint8_t kMostRefusals = 3;
constexpr Nanos kChallengeInterval = 10 * kMillisecond;
constexpr Nanos kRefusedRetryMax = 2 * kSecond;

Nanos handshake_deadline(const Env& env, const Session& s) {
  const Nanos from = env.silence_counts_from(s);
  const Nanos latest = std::max(s.work->opened_at, from) + env.config.handshake_timeout;
  if (!s.refused) return latest;
  return std::min(latest, std::max(s.work->refused_at, from) + env.config.refused_timeout);
}

void arm_syn_timer(const Env& env, Session& s, Nanos wait, Nanos now) {
  s.work->rto_at = now + wait;
  if (env.link_up(s)) s.work->rto_at = std::min(s.work->rto_at, handshake_deadline(env, s));
}

void send_syn(Env& env, Session& s, Nanos now) {
  emit_syn(env, s, now);
  arm_syn_timer(env, s, rto(env, s), now);
}

void negotiate(const Env& env, Session& s, const wire::HeaderRecord& r) {
  const bool v4 = s.client.address.is_v4();
  const auto& o = r.options;
  s.timestamps_ok = s.client_timestamps && o.timestamps.has_value();
  s.sack_ok = s.client_sack && o.sack_permitted;
  s.scale_ok = s.client_has_scale && o.window_scale.has_value();
  s.snd_scale = s.scale_ok ? std::min<uint8_t>(*o.window_scale, 14) : 0;
  const auto path = static_cast<uint16_t>(env.config.mtu - (v4 ? 40 : 60));
  const uint16_t offered = o.mss.value_or(v4 ? kDefaultMss4 : kDefaultMss6);
  s.snd_mss = std::min(std::max(offered, kLeastMss), path);
  if (s.timestamps_ok) {
    s.snd_mss = static_cast<uint16_t>(s.snd_mss - kTimestampBytes);
    s.ts_recent = o.timestamps->value;
  }
}

void take_round_trip(Session& s, const wire::HeaderRecord& r, Nanos now) {
  if (s.timestamps_ok && s.backoff > 0) {
    add_rtt_sample_of_echo(s, r, now);
  } else if (s.backoff == 0) {
    add_rtt_sample(s, now - s.work->opened_at);
  }
  s.backoff = 0;
}

// Nothing was acked yet: what was sent goes back in front of the queue.
void take_back_sent(Env& env, Session& s) {
  SegmentQueue& queue = work_of(env, s).queue;
  for (Segment* seg = queue.head; seg != queue.next_unsent; seg = seg->next) {
    seg->transmissions = 0;
    seg->sacked = seg->lost = seg->retransmitted = false;
  }
  queue.next_unsent = queue.head;
  start_sending(env, s, s.snd_una);
  // A held ack, too: its time would pass again and again while there is no connection to ack on.
  s.work->probe_at = s.work->turn_at = s.work->ack_at = kNever;
}

void establish(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  negotiate(env, s, r);
  take_round_trip(s, r, now);
  s.connection = Connection::established;
  s.confirmed = false;
  s.irs_next = r.seq + 1;
  s.rcv_nxt = s.ack_sent = 0;
  s.work->fin_at = -1;
  s.rcv_ranges = 0;
  s.rcv_fin = s.last_pushed = false;
  s.snd_wnd = r.window;  // never scaled in a SYN (RFC 7323 2.2)
  s.snd_wl1 = r.seq;
  s.cwnd = initial_window(s);
  s.work->rto_at = kNever;
  s.answer_at = s.all_acked_at = now;
  // What was said first to the client is waited for on every connection of it, for the test host
  // says it anew.
  s.mark_test = s.surplus = 0;
  s.work->enough_at = s.window_opened_at = 0;
  const int64_t next = s.work->queue.empty() ? s.last_data_mark : s.work->queue.head->answer_mark;
  s.mark_online = s.whole && s.snd_una == 0 ? 0 : next - s.greeting;
  s.ack_due = true;
}
}  // namespace

void open_connection(Env& env, Session& s, Nanos now) {
  s.connection = Connection::syn_sent;
  ++s.connections;
  if (s.connections > 1) ++env.counters.reopened;
  ++s.ts_offset;
  start_sending(env, s, s.work->queue.empty() ? s.client_next : s.work->queue.head->offset);
  s.work->opened_at = now;
  s.work->challenged_at = 0;
  s.work->has_replaced = false;
  s.refused = s.timestamps_ok = s.taken_back = s.syn_timed_out = false;
  s.refused_back = 0;
  s.work->turn_at = s.work->ack_at = s.work->probe_at = kNever;
  if (!s.claimed) env.sink.claim(env.mirrored_flow(s));
  s.claimed = true;
  send_syn(env, s, now);
}

void on_record_in_syn_sent(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  const bool acks_syn = r.has(kAck) && r.ack == wire::wrap(s.snd_una, s.zero);
  if (r.has(kAck) && (!acks_syn || !(r.has(kSyn) || r.has(kRst)))) {
    // An old connection of the test host answers for itself (S10): end it by its own numbers, also
    // where an engine before this one had brought it to just this byte.
    if (r.has(kRst)) return;
    ++env.counters.challenge_acks;
    emit_stray_reset(env, r);
    // Why: an outage ends with a heap of them, and a SYN for each would open and end a connection
    // for each.
    if (s.work->challenged_at != 0 && now - s.work->challenged_at < kChallengeInterval) {
      s.work->rto_at = std::min(s.work->rto_at, s.work->challenged_at + kChallengeInterval);
      return;
    }
    s.work->challenged_at = std::max<Nanos>(now, 1);
    ++env.counters.syn_retransmitted;
    send_syn(env, s, now);
    return;
  }
  if (!acks_syn) return;
  if (r.has(kRst)) {
    if (!s.refused) s.work->refused_at = now;
    s.refused = true;
    arm_syn_timer(
        env, s, std::min(kRefusedRetry << std::min<uint8_t>(s.backoff, 4), kRefusedRetryMax), now);
  } else if (r.has(kSyn)) {
    establish(env, s, r, now);
  }
}

namespace {
// Of two SYN-ACKs that ack the same SYN the one with the older timestamp comes late.
bool older_timestamp(const Session& s, const wire::HeaderRecord& r) {
  return s.timestamps_ok && r.options.timestamps &&
         static_cast<int32_t>(r.options.timestamps->value - s.ts_recent) < 0;
}

// Back to SYN-SENT: the test host has no connection with the numbers that were taken.
void begin_anew(Env& env, Session& s, Nanos now) {
  take_back_sent(env, s);
  s.taken_back = true;
  ++s.refused_back;
  s.connection = Connection::syn_sent;
  s.ack_due = false;
  ++env.counters.syn_retransmitted;
  send_syn(env, s, now);
}
}  // namespace

namespace {
// Two SYN-ACKs of the same millisecond came in the wrong order: the test host has data of ours on
// the connection of the one that was taken first.
bool acks_data_of_replaced(Session& s, const wire::HeaderRecord& r) {
  if (!s.work->has_replaced || !r.has(kAck) || acceptable(s, r)) return false;
  const int64_t ack = wire::unwrap(r.ack, s.zero, s.snd_una);
  const int64_t at = wire::unwrap(r.seq, s.work->replaced_irs, 0);
  return ack > s.snd_una && ack <= s.snd_nxt && at >= 0 && at < int64_t{1} << 16;
}
}  // namespace

bool on_record_unconfirmed(Env& env, Session& s, const wire::HeaderRecord& r, Nanos now) {
  const bool acks_syn = r.has(kAck) && r.ack == wire::wrap(s.snd_una, s.zero);
  const int64_t at = wire::unwrap(r.seq, s.irs_next, s.rcv_nxt);
  const bool acked_by_us = at >= 0 && at <= s.rcv_nxt;
  if (r.has(kSyn)) {
    if (!acks_syn || r.seq + 1 == s.irs_next) return false;
    // Why the replaced one: that it came twice, and late, proves nothing.
    const bool again = s.work->has_replaced && r.seq + 1 == s.work->replaced_irs;
    if (again || older_timestamp(s, r)) {
      ++env.counters.header_records_unacceptable;
      return true;
    }
    take_back_sent(env, s);
    s.taken_back = true;
    s.work->replaced_irs = s.irs_next;
    s.work->has_replaced = true;
    establish(env, s, r, now);
    return true;
  }
  if (r.has(kRst)) {
    if (s.taken_back && !acked_by_us) {
      // The answer to what acked a stale SYN-ACK. One of this connection comes again, and fits.
      ++env.counters.header_records_unacceptable;
      return true;
    }
    // A service that resets says so with an ack; without one it is the answer to an ack that did
    // not fit (RFC 9293 3.10.7.4), or to data for a service that has closed.
    if (r.has(kAck) || !acked_by_us || s.rcv_fin || s.refused_back >= kMostRefusals) return false;
    begin_anew(env, s, now);
    return true;
  }
  if (s.taken_back && s.refused_back < kMostRefusals && acks_syn && !acceptable(s, r)) {
    // The SYN-ACK that was taken last came late: the test host answers by the numbers of another.
    ++env.counters.challenge_acks;
    emit_stray_reset(env, r);
    begin_anew(env, s, now);
    return true;
  }
  if (acks_data_of_replaced(s, r)) {
    s.irs_next = s.work->replaced_irs;
    s.work->has_replaced = false;
    s.ack_due = true;
  }
  // Why not any record: what an old connection sent after its SYN-ACK fits that one. Only our data
  // it cannot have acked.
  s.confirmed =
      r.has(kAck) && wire::unwrap(r.ack, s.zero, s.snd_una) > s.snd_una && acceptable(s, r);
  return false;
}

void on_syn_timer(Env& env, Session& s, Nanos now) {
  if (!env.link_up(s) || now < handshake_deadline(env, s)) {
    if (s.backoff < 16) ++s.backoff;
    ++env.counters.syn_retransmitted;
    s.syn_timed_out = env.link_up(s) && !s.refused;
    send_syn(env, s, now);
    return;
  }
  const LossReason reason =
      s.refused ? LossReason::handshake_refused : LossReason::handshake_timeout;
  if (s.first_loss == LossReason::none) s.first_loss = reason;
  fail_connection(env, s, reason, !s.refused, now);
  // Why all that waits: it was there while the test host was asked, and asking for each turn anew
  // would keep a session for as many time-outs as it has turns.
  while (!s.work->queue.empty()) {
    lose_head(env, s, reason);
    lose_turn(env, s, reason);
  }
}

}  // namespace mirrorlab::engine
