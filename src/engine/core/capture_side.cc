#include "engine/core/capture_side.h"

#include <algorithm>

#include "engine/core/queue_entry.h"
#include "engine/core/reassembly.h"
#include "engine/core/receiver.h"
#include "engine/core/scoreboard.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
// Farther from the expected byte than any window: a stray packet, not this stream.
constexpr int64_t kPlausible = int64_t{1} << 30;
// Longer pauses between a client's repetitions are not reckoned with.
constexpr Nanos kMostRepeat = 60 * kSecond;
// A reset farther ahead than this was not sent by the client's stack.
constexpr int64_t kMaxMissedAtReset = int64_t{1} << 20;

bool plausible(Env& env, const Session& s, int64_t offset, int64_t limit) {
  if (std::abs(offset - s.client_next) <= limit) return true;
  ++env.counters.packets_implausible;
  return false;
}

bool over_limits(Env& env, Session& s, size_t bytes, LossReason& reason) {
  const uint64_t cost = bytes + kSegmentOverhead;
  reason = LossReason::none;
  if (s.work->buffered + cost > env.config.max_session_bytes)
    reason = LossReason::session_bytes_limit;
  if (env.buffered + cost > env.config.max_total_bytes) reason = LossReason::total_bytes_limit;
  return reason != LossReason::none;
}

// There is no room: what already waits in order is kept; the stream from here to the next turn is
// known, and lost at once.
void lose_for_limit(Env& env, Session& s, int64_t end, LossReason reason, Nanos now) {
  // Nothing may wait behind a hole either. What is missed there might have come, had there been
  // room.
  while (!s.work->out_of_order.empty()) declare_gap(env, s, reason, now);
  append_gap(env, s, reason, s.last_data_mark, now);
  if (end <= s.client_next) return;
  const auto lost = static_cast<uint64_t>(end - s.client_next);
  book_captured(env, s, lost);
  book_lost(env, s, lost, reason);
  s.client_next = end;
  s.last_data_mark = std::max(s.last_data_mark, s.client_acked);
}

// What of the packet is stream and not known yet. `offset` is moved past the known part.
wire::Bytes drop_known(Env& env, const Session& s, int64_t& offset, wire::Bytes data) {
  if (data.empty() || offset >= s.client_next) return data;
  // A keep-alive probe repeats one byte of garbage before the stream's end (RFC 9293 3.8.4).
  if (data.size() > 1 || offset != s.client_next - 1) compare_with_held(env, s, offset, data);
  const auto known = std::min<size_t>(data.size(), static_cast<size_t>(s.client_next - offset));
  offset += static_cast<int64_t>(known);
  return data.subspan(known);
}

void take_data(Env& env, Session& s, int64_t offset, wire::Bytes data, bool cut, bool push,
               Nanos now) {
  LossReason reason = LossReason::none;
  const int64_t end = offset + static_cast<int64_t>(data.size());
  if (over_limits(env, s, data.size(), reason)) {
    lose_for_limit(env, s, end, reason, now);
    return;
  }
  const bool free_behind = s.work->out_of_order.empty() || end <= s.work->out_of_order.head->offset;
  if (offset == s.client_next && free_behind) {
    book_captured(env, s, data.size());
    Segment* seg = make_data(env, s, offset, data, push, now);
    seg->cut_in_front = cut;
    append(env, s, seg);
  } else {
    keep_out_of_order(env, s, offset, data, cut, push, now);
  }
  drain_out_of_order(env, s);
}

// The stream reaches as far as this at least, whether its bytes were captured or not.
void note_seen(Session& s, int64_t offset) {
  if (offset > wire::unwrap(s.client_seen, s.zero, s.client_next)) {
    s.client_seen = s.zero + static_cast<uint32_t>(offset);
  }
}

// A packet of which the capture kept only the headers was not captured; what follows shows the
// hole, or if nothing does, its length.
void take_truncated(Env& env, Session& s, const wire::TcpPacket& p) {
  const int64_t offset = wire::unwrap(p.header.seq, s.zero, s.client_next);
  if (plausible(env, s, offset, kPlausible)) {
    note_seen(s, offset + static_cast<int64_t>(p.payload_length));
  }
}

// `before`: when the client's packet before this one came.
void take_stream(Env& env, Session& s, const wire::TcpPacket& p, int64_t acked_before, Nanos before,
                 Nanos now) {
  const auto& h = p.header;
  const wire::Seq first = h.has(wire::tcp_flag::kSyn) ? h.seq + 1 : h.seq;
  int64_t offset = wire::unwrap(first, s.zero, s.client_next);
  const bool fin = h.has(wire::tcp_flag::kFin);
  if (!plausible(env, s, offset, kPlausible)) return;
  if (p.payload.empty() && !fin) return note_seen(s, offset);
  count_session(env, s);
  const int64_t fin_offset = offset + static_cast<int64_t>(p.payload.size());
  const wire::Bytes data = drop_known(env, s, offset, p.payload);
  if (s.stream_complete || (data.empty() && !fin)) {
    ++env.counters.packets_retransmitted_online;
    note_repeat(s, before, now);
    return;
  }
  if (!data.empty()) {
    const bool cut = data.size() < p.payload.size();
    take_data(env, s, offset, data, cut, h.has(wire::tcp_flag::kPsh), now);
  }
  if (fin && !s.stream_complete) {
    if (fin_offset == s.client_next) {
      append(env, s, make_segment(env, s, fin_offset, SegmentKind::fin, now));
    } else if (fin_offset > s.client_next) {
      keep_out_of_order_end(env, s, fin_offset, SegmentKind::fin, now);
    }
  }
  note_hole(s, acked_before, now);
  while (s.work->out_of_order_count > env.config.max_out_of_order)
    declare_gap(env, s, LossReason::capture_gap, now);
}

// The online host takes a reset at the very byte it expects, and answers any other with a challenge
// ack, which a live client's stack answers with that very byte (RFC 5961 section 3).
void take_reset(Env& env, Session& s, const wire::TcpPacket& p, int64_t acked_before, Nanos now) {
  if (s.stream_complete && s.work->queue.tail != nullptr &&
      s.work->queue.tail->kind == SegmentKind::rst) {
    return;
  }
  const int64_t offset = wire::unwrap(p.header.seq, s.zero, s.client_next);
  if (s.fin_captured || offset == s.client_next) {
    if (!plausible(env, s, offset, kMaxMissedAtReset)) return;
    forget_out_of_order(env, s);
    append_reset(env, s, now);
  } else if (offset < s.client_next || !plausible(env, s, offset, kMaxMissedAtReset)) {
    ++env.counters.packets_retransmitted_online;
  } else {
    // Either bytes before it were not captured, or it is void; the hole's grace tells.
    keep_out_of_order_end(env, s, offset, SegmentKind::rst, now);
    note_hole(s, acked_before, now);
  }
}

// A straggler of an earlier connection of the 4-tuple, as the online host would see it: numbers
// from before this one's SYN. Its ack would be taken for an answer. (A keep-alive probe names the
// byte before the first.)
// Where the SYN was not seen either may be the older one, until data tells.
bool of_older_connection(const Session& s, const wire::TcpPacket& p) {
  if (p.header.has(wire::tcp_flag::kSyn)) return false;
  const bool bare = p.payload_length == 0 && !p.header.has(wire::tcp_flag::kFin);
  return (s.whole || (!s.counted && bare)) &&
         wire::unwrap(p.header.seq, s.zero, s.client_next) < -1;
}

// Offset behind all that the packet holds. A FIN counts as more than any reset is behind: the
// client closed, and a reset that overtook it adds nothing.
int64_t end_of(const Session& s, const wire::TcpPacket& p) {
  if (p.header.has(wire::tcp_flag::kFin)) return INT64_MAX;
  const wire::Seq first = p.header.has(wire::tcp_flag::kSyn) ? p.header.seq + 1 : p.header.seq;
  return wire::unwrap(first, s.zero, s.client_next) + int64_t{p.payload_length};
}

// A connection of which only acks were seen begins where the latest of them was.
void follow_acks(Session& s, const wire::TcpPacket& p) {
  if (s.whole || s.counted || p.header.has(wire::tcp_flag::kSyn)) return;
  if (p.header.seq == s.zero) return;
  // Why the bare ack stays: a keep-alive probe is one below it, and no data.
  if (s.bare_ack_at == 0 && p.header.seq != s.zero + 1) s.bare_ack_at = -1;
  s.zero = s.client_seen = p.header.seq;
  const int64_t acked = wire::unwrap(p.header.ack, s.answer_zero, s.client_acked);
  if (!s.answer_zero_known || (acked >= 0 && acked - s.client_acked < kPlausible)) return;
  // Not this host's answers: another connection of the 4-tuple, whose SYN was not captured.
  s.answer_zero_known = false;
  s.client_acked = 0;
  s.bare_ack_at = p.payload_length == 0 && !p.header.has(wire::tcp_flag::kFin) ? 0 : -1;
}

void take_ack(Env& env, Session& s, const wire::TcpPacket& p, Nanos now) {
  const auto& h = p.header;
  if (!s.answer_zero_known) {
    s.answer_zero = h.ack;
    s.answer_zero_known = true;
    s.client_acked_at = now;
  }
  const int64_t acked = wire::unwrap(h.ack, s.answer_zero, s.client_acked);
  env.packet_mark = acked;
  // Acks may come late. Only what is acked closes the window, so of two that ack the same the
  // closed one is the older.
  if (acked > s.client_acked || (acked == s.client_acked && h.window != 0)) {
    s.client_window = h.window;
  }
  if (acked > s.client_acked && acked - s.client_acked < kPlausible) {
    s.client_acked = acked;
    s.client_acked_at = now;
    if (p.payload_length == 0) s.bare_ack_at = wire::unwrap(h.seq, s.zero, s.client_next);
  }
  note_client_ack(env, s, now);
}
}  // namespace

void append_reset(Env& env, Session& s, Nanos now) {
  append(env, s, make_segment(env, s, s.client_next, SegmentKind::rst, now));
}

void note_repeat(Session& s, Nanos before, Nanos now) {
  s.client_repeat_ms =
      static_cast<uint32_t>(std::min<Nanos>(now - before, kMostRepeat) / kMillisecond);
  s.client_at = now;
}

Nanos patience(const Session& s) {
  return s.client_at + 3 * Nanos{s.client_repeat_ms} * kMillisecond;
}

void count_session(Env& env, Session& s) {
  if (s.counted) return;
  s.counted = true;
  ++env.account.sessions_captured;
  ++env.account.sessions_live;
}

void begin_stream(Env& env, Session& s, const wire::TcpPacket& packet, Nanos now) {
  const auto& h = packet.header;
  s.client_window = h.window;
  s.client_timestamps = h.options.timestamps.has_value();
  if (h.has(wire::tcp_flag::kSyn)) {
    s.whole = true;
    s.zero = h.seq + 1;
    s.client_mss = h.options.mss.value_or(0);
    s.client_has_scale = h.options.window_scale.has_value();
    s.client_scale = std::min<uint8_t>(h.options.window_scale.value_or(0), 14);
    s.client_sack = h.options.sack_permitted;
    count_session(env, s);
  } else {
    ++env.counters.joined_midstream;
    s.zero = h.seq;
    s.client_has_scale = true;
    s.client_scale = 7;
    s.client_sack = true;
    s.discarding = true;
    s.discard_for_ever = env.config.whole_only;
    if (s.discard_reason == LossReason::none) {
      s.discard_reason = env.config.whole_only ? LossReason::not_whole : LossReason::before_capture;
    }
    // Why: a client that only acks has had its answer, so what it sends next begins a turn; whether
    // data does, when it is the first thing seen, cannot be known.
    const bool bare = packet.payload_length == 0 && !h.has(wire::tcp_flag::kFin);
    s.bare_ack_at = bare ? 0 : -1;
  }
  s.client_seen = s.zero;
  capture_packet(env, s, packet, now);
}

void capture_packet(Env& env, Session& s, const wire::TcpPacket& packet, Nanos now) {
  const auto& h = packet.header;
  const Nanos before = s.client_at;
  s.client_at = now;
  const int64_t acked_before = s.client_acked;
  if (h.has(wire::tcp_flag::kRst)) {
    take_reset(env, s, packet, acked_before, now);
    return;
  }
  if (of_older_connection(s, packet)) {
    const int64_t offset = wire::unwrap(h.seq, s.zero, s.client_next);
    if (plausible(env, s, offset, kPlausible)) ++env.counters.packets_retransmitted_online;
    return;
  }
  if (!s.work->out_of_order.empty()) forget_void_reset(env, s, end_of(s, packet), now);
  if (packet.truncated()) return take_truncated(env, s, packet);
  follow_acks(s, packet);
  env.packet_mark = s.client_acked;
  if (h.has(wire::tcp_flag::kAck)) take_ack(env, s, packet, now);
  take_stream(env, s, packet, acked_before, before, now);
}

void end_stream(Env& env, Session& s, Nanos now) {
  while (!s.work->out_of_order.empty()) declare_gap(env, s, LossReason::capture_gap, now);
}

void lose_missed_end(Env& env, Session& s) {
  if (s.stream_complete || !s.counted) return;
  const int64_t seen = wire::unwrap(s.client_seen, s.zero, s.client_next);
  if (seen <= s.client_next) return;
  // Why one less: the last number may be that of a FIN.
  const auto missed = static_cast<uint64_t>(seen - s.client_next - 1);
  book_captured(env, s, missed);
  book_lost(env, s, missed, LossReason::capture_gap);
  s.client_next += static_cast<int64_t>(missed);
}

void let_go(Env& env, Session& s, Nanos now) {
  end_stream(env, s, now);  // a client that is silent repairs no hole
  // What is known to be missed the test host never answers: some of the answer before it is enough.
  const bool missed = wire::unwrap(s.client_seen, s.zero, s.client_next) > s.client_next;
  const int64_t mark = missed ? std::min(s.client_acked, s.last_data_mark + 1) : s.client_acked;
  append_gap(env, s, LossReason::capture_gap, mark, now);
}

void lose_turn(Env& env, Session& s, LossReason reason) {
  while (!s.work->queue.empty()) {
    Segment* head = s.work->queue.head;
    const bool unsent = head == s.work->queue.next_unsent;
    if (unsent && (head->kind != SegmentKind::data || is_boundary(s, *head))) break;
    lose_head(env, s, reason);
  }
  clear_scoreboard(s);
  if (s.work->queue.empty() && !s.stream_complete && !s.discarding) {
    s.discarding = true;
    s.discard_reason = reason;
  }
}

void lose_head(Env& env, Session& s, LossReason reason) {
  if (s.work->queue.head->length > 0) book_lost(env, s, s.work->queue.head->length, reason);
  free_segment(env, s, s.work->queue.pop_front());
}

void lose_all(Env& env, Session& s, LossReason reason) {
  while (!s.work->queue.empty()) lose_head(env, s, reason);
  while (!s.work->out_of_order.empty()) {
    if (s.work->out_of_order.head->length > 0)
      book_lost(env, s, s.work->out_of_order.head->length, reason);
    free_segment(env, s, s.work->out_of_order.pop_front());
  }
  if (s.has_work()) s.work->out_of_order_count = 0;
  clear_scoreboard(s);
  s.discarding = s.discard_for_ever = true;
  s.discard_reason = reason;
  if (s.has_work()) s.work->hole_since = 0;
}

}  // namespace mirrorlab::engine
