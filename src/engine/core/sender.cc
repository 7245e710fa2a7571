#include "engine/core/sender.h"

#include <algorithm>

#include "engine/core/receiver.h"
#include "engine/core/scoreboard.h"
#include "engine/core/turns.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
constexpr uint32_t kMaxCwnd = 64U << 20U;
constexpr uint8_t kMaxBackoff = 16;

void arm_retransmission(const Env& env, Session& s, Nanos now) {
  if (!s.queue.in_flight()) {
    s.rtx_at = kNever;
    return;
  }
  Nanos wait = rto(env, s);
  // Tail loss probe (RFC 8985 section 7): once per flight, and not while recovery is under way. A
  // single segment may meet the test host's delayed ack, but an answer carries it far sooner.
  if (!s.tlp_sent && !s.in_recovery && s.backoff == 0 && s.srtt_us != 0) {
    const bool single = s.queue.head->next == s.queue.next_unsent;
    const Nanos probe =
        std::max<Nanos>(2 * round_trip(s), 10 * kMillisecond) + (single ? 50 * kMillisecond : 0);
    wait = std::min(wait, probe);
  }
  s.rtx_at = now + wait;
}

void grow_window(Session& s, uint32_t acked) {
  if (s.in_recovery) return;
  if (s.cwnd < s.ssthresh) {
    s.cwnd += std::min<uint32_t>(acked, 2U * s.snd_mss);  // RFC 3465, L = 2
  } else {
    s.cwnd += std::max<uint32_t>(
        1,
        static_cast<uint32_t>(uint64_t{s.snd_mss} * std::min<uint32_t>(acked, s.snd_mss) / s.cwnd));
  }
  s.cwnd = std::min(s.cwnd, kMaxCwnd);
}

void enter_recovery(Env& env, Session& s) {
  ++env.counters.fast_retransmits;
  s.in_recovery = true;
  s.recover = s.snd_nxt;
  s.ssthresh = std::max<uint32_t>(pipe(s) / 2, 2U * s.snd_mss);
  s.cwnd = s.ssthresh;
  s.tlp_sent = false;
}

// What snd_una passed leaves the queue; a segment acked in part loses its front.
void drop_acked(Env& env, Session& s, int64_t acked, Nanos now) {
  while (s.queue.in_flight()) {
    Segment* head = s.queue.head;
    if (head->kind == SegmentKind::data && head->offset < acked && head->end() > acked) {
      const auto part = static_cast<uint32_t>(acked - head->offset);
      forget_marks(s, *head);
      head->sacked = head->lost = head->retransmitted = false;
      head->offset += part;
      head->data += part;
      head->length -= part;
      s.buffered -= part;
      env.buffered -= part;
      book_mirrored(env, s, part);
      return;
    }
    if (head->offset + head->sequence_length() > acked) return;
    // Karn: only a segment sent once gives a round-trip sample.
    if (head->transmissions == 1 && head->offset + head->sequence_length() == acked) {
      add_rtt_sample(s, now - head->sent_at);
    }
    forget_marks(s, *head);
    if (head->kind == SegmentKind::fin) s.fin_acked = true;
    book_mirrored(env, s, head->length);
    free_segment(env, s, s.queue.pop_front());
  }
}

wire::TcpHeader make_header(Env& env, Session& s, wire::Seq seq, uint8_t flags, Nanos now) {
  wire::TcpHeader h;
  h.src = s.client;
  h.dst = env.config.mappings[s.mapping].test;
  h.seq = seq;
  h.flags = flags;
  if (s.timestamps_ok) {
    h.options.timestamps = {static_cast<uint32_t>(now / kMillisecond), s.ts_recent};
  }
  return h;
}

void transmit(Env& env, Session& s, wire::TcpHeader& h, wire::Bytes payload, Nanos now) {
  const int64_t ack = ack_point(env, s, now);
  s.ack_sent = std::max(s.ack_sent, ack);
  h.ack = wire::wrap(ack, s.irs_next);
  h.window = env.config.ack == AckPolicy::client && s.client_window != 0 ? s.client_window : 0xffff;
  if (payload.empty()) write_sack(s, h.options);
  // Why: with a policy of the client's pace the rest is acked when the client has, or by its timer.
  s.ack_due = false;
  if (ack == s.rcv_nxt) s.ack_at = kNever;
  ++env.counters.segments_sent;
  env.sink.transmit(h, payload);
}

void transmit_segment(Env& env, Session& s, Segment& segment, Nanos now) {
  uint8_t flags = wire::tcp_flag::kAck;
  if (segment.push) flags |= wire::tcp_flag::kPsh;
  if (segment.kind == SegmentKind::fin) flags |= wire::tcp_flag::kFin;
  wire::TcpHeader h = make_header(env, s, wire::wrap(segment.offset, s.zero), flags, now);
  segment.sent_at = now;
  if (segment.transmissions < UINT8_MAX) ++segment.transmissions;
  ++env.counters.data_segments_sent;
  if (segment.transmissions > 1) ++env.counters.data_segments_retransmitted;
  transmit(env, s, h, {segment.data, segment.length}, now);
}

void retransmit(Env& env, Session& s, Segment& segment, Nanos now) {
  if (segment.lost && !segment.retransmitted) {
    segment.retransmitted = true;
    s.retrans_out += segment.sequence_length();
  }
  transmit_segment(env, s, segment, now);
}
}  // namespace

uint32_t pipe(const Session& s) {
  const auto out = static_cast<uint32_t>(s.snd_nxt - s.snd_una);
  return out - s.sacked_out - s.lost_out + s.retrans_out;
}

Nanos rto(const Env& env, const Session& s) {
  // RFC 6298: one second before the first sample.
  Nanos base = kSecond;
  if (s.srtt_us != 0) {
    base = (Nanos{s.srtt_us} + std::max<Nanos>(1000, 4 * Nanos{s.rttvar_us})) * kMicrosecond;
    base = std::max(base, env.config.rto_min);
  } else if (s.connection == Connection::established) {
    base = env.config.rto_min;
  }
  return std::min(base << std::min<uint8_t>(s.backoff, kMaxBackoff), env.config.rto_max);
}

void add_rtt_sample(Session& s, Nanos rtt) {
  const auto us = static_cast<uint32_t>(std::clamp<Nanos>(rtt / kMicrosecond, 1, 60'000'000));
  if (s.srtt_us == 0) {
    s.srtt_us = us;
    s.rttvar_us = us / 2;
    return;
  }
  const uint32_t deviation = us > s.srtt_us ? us - s.srtt_us : s.srtt_us - us;
  s.rttvar_us = (3 * s.rttvar_us + deviation) / 4;
  s.srtt_us = std::max<uint32_t>(1, static_cast<uint32_t>((uint64_t{7} * s.srtt_us + us) / 8));
}

void start_sending(Session& s, int64_t start) {
  s.snd_una = s.snd_nxt = s.recover = start;
  s.snd_wnd = s.cwnd = 0;
  s.ssthresh = kMaxCwnd;
  s.sacked_out = s.lost_out = s.retrans_out = 0;
  s.srtt_us = s.rttvar_us = 0;
  s.dup_acks = s.backoff = 0;
  s.in_recovery = s.tlp_sent = s.fin_acked = false;
}

bool receive_ack(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now) {
  const int64_t ack = wire::unwrap(record.ack, s.zero, s.snd_una);
  if (ack > s.snd_nxt) return false;
  if (ack < s.snd_una) return true;
  const uint32_t window = uint32_t{record.window} << s.snd_scale;
  const bool window_moved = window != s.snd_wnd;
  s.snd_wnd = window;
  const auto acked = static_cast<uint32_t>(ack - s.snd_una);
  const bool was_in_flight = s.queue.in_flight();
  if (acked > 0) {
    const uint32_t before = pipe(s);
    drop_acked(env, s, ack, now);
    s.snd_una = ack;
    s.dup_acks = 0;
    s.backoff = 0;
    s.tlp_sent = false;
    if (s.in_recovery && ack >= s.recover) s.in_recovery = false;
    // RFC 7661 in short: a window that was not used says nothing about the path.
    if (before + acked >= s.cwnd / 2) grow_window(s, acked);
  }
  const bool sacked_more =
      s.sack_ok && record.options.sack_count > 0 && mark_sacked(s, record.options);
  if (acked == 0 && was_in_flight && !window_moved && record.payload_length == 0 &&
      !record.has(wire::tcp_flag::kFin) && s.dup_acks < UINT8_MAX) {
    ++s.dup_acks;
  }
  if (s.queue.in_flight()) {
    bool lost = false;
    if (s.sack_ok) {
      if (s.sacked_out > 0) lost = mark_lost_by_sack(s);
    } else if (s.dup_acks >= kDupThresh || (s.in_recovery && acked > 0)) {
      lost = mark_head_lost(s);  // NewReno (RFC 6582): one hole per partial ack
    }
    if (lost && !s.in_recovery) enter_recovery(env, s);
    if (acked > 0 || sacked_more) arm_retransmission(env, s, now);
  } else {
    if (was_in_flight) s.all_acked_at = now;
    s.in_recovery = false;
    s.rtx_at = kNever;
  }
  return true;
}

void send_lost(Env& env, Session& s, Nanos now) {
  if (s.lost_out == s.retrans_out) return;
  for (Segment* seg = s.queue.head; seg != s.queue.next_unsent; seg = seg->next) {
    if (!seg->lost || seg->retransmitted) continue;
    // Why: one segment may always leave, else a window below one MSS would wait for ever.
    if (pipe(s) > 0 && pipe(s) + seg->sequence_length() > s.cwnd) return;
    retransmit(env, s, *seg, now);
    if (s.rtx_at == kNever || seg == s.queue.head) arm_retransmission(env, s, now);
    if (s.lost_out == s.retrans_out) return;
  }
}

uint32_t send_room(const Session& s) {
  const int64_t window = s.snd_una + s.snd_wnd - s.snd_nxt;
  if (window <= 0) return 0;
  const uint32_t in_network = pipe(s);
  const uint32_t congestion = s.cwnd > in_network ? s.cwnd - in_network : 0;
  return std::min(static_cast<uint32_t>(window), congestion);
}

void send_next(Env& env, Session& s, uint32_t limit, Nanos now) {
  Segment* seg = s.queue.next_unsent;
  if (seg->length > limit) {
    Segment* rest = env.segments.take();
    *rest = *seg;
    rest->turn_start = false;
    rest->offset += limit;
    rest->data += limit;
    rest->length -= limit;
    if (rest->buffer != nullptr) BufferPool::add_reference(rest->buffer);
    seg->length = limit;
    seg->push = false;
    seg->next = rest;
    if (s.queue.tail == seg) s.queue.tail = rest;
    s.buffered += kSegmentOverhead;
    env.buffered += kSegmentOverhead;
  }
  s.queue.next_unsent = seg->next;
  s.snd_nxt = seg->offset + seg->sequence_length();
  transmit_segment(env, s, *seg, now);
  if (s.rtx_at == kNever || !s.tlp_sent) arm_retransmission(env, s, now);
}

void on_retransmission_timer(Env& env, Session& s, Nanos now) {
  s.rtx_at = kNever;
  if (!s.queue.in_flight()) {
    // Persist timer (RFC 9293 3.8.6.1).
    if (s.backoff < kMaxBackoff) ++s.backoff;
    ++env.counters.zero_window_probes;
    send_ack(env, s, now, true);
    return;
  }
  const bool probe_due = !s.tlp_sent && !s.in_recovery && s.backoff == 0 && s.srtt_us != 0;
  const Nanos since_head = now - s.queue.head->sent_at;
  if (probe_due && since_head < rto(env, s)) {
    s.tlp_sent = true;
    ++env.counters.tail_loss_probes;
    Segment* last = s.queue.head;
    while (last->next != s.queue.next_unsent) last = last->next;
    transmit_segment(env, s, *last, now);
    arm_retransmission(env, s, now);
    return;
  }
  ++env.counters.rto_expirations;
  if (!s.in_recovery || s.backoff == 0) {
    s.ssthresh = std::max<uint32_t>(pipe(s) / 2, 2U * s.snd_mss);
  }
  if (s.backoff < kMaxBackoff) ++s.backoff;
  s.cwnd = s.snd_mss;
  s.in_recovery = true;
  s.recover = s.snd_nxt;
  s.dup_acks = 0;
  mark_all_lost(s);
  send_lost(env, s, now);
  arm_retransmission(env, s, now);
}

void send_ack(Env& env, Session& s, Nanos now, bool probe) {
  const int64_t at = probe ? s.snd_una - 1 : s.snd_nxt;
  wire::TcpHeader h = make_header(env, s, wire::wrap(at, s.zero), wire::tcp_flag::kAck, now);
  ++env.counters.acks_sent;
  transmit(env, s, h, {}, now);
}

void send_reset(Env& env, Session& s, Nanos now) {
  wire::TcpHeader h = make_header(env, s, wire::wrap(s.snd_nxt, s.zero),
                                  wire::tcp_flag::kRst | wire::tcp_flag::kAck, now);
  h.options = {};
  h.ack = wire::wrap(s.rcv_nxt, s.irs_next);
  ++env.counters.resets_sent;
  ++env.counters.segments_sent;
  env.sink.transmit(h, {});
}

void send_syn(Env& env, Session& s, Nanos now) {
  wire::TcpHeader h =
      make_header(env, s, wire::wrap(s.snd_una - 1, s.zero), wire::tcp_flag::kSyn, now);
  h.window = s.client_window != 0 ? s.client_window : 0xffff;
  // Why: a connection joined in the middle shows only whether timestamps are in use; the other
  // options are those any modern client offers.
  const uint16_t path_mss =
      static_cast<uint16_t>(env.config.mtu - (s.client.address.is_v4() ? 40 : 60));
  if (s.client_mss != 0) {
    h.options.mss = s.client_mss;
  } else if (!s.whole) {
    h.options.mss = path_mss;
  }
  h.options.sack_permitted = s.client_sack;
  if (s.client_has_scale) h.options.window_scale = s.client_scale;
  if (s.client_timestamps) {
    h.options.timestamps = {static_cast<uint32_t>(now / kMillisecond), 0};
  } else {
    h.options.timestamps.reset();
  }
  ++env.counters.segments_sent;
  env.sink.transmit(h, {});
  s.rtx_at = now + rto(env, s);
}

}  // namespace mirrorlab::engine
