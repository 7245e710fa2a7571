#include "engine/core/capture_side.h"

#include <algorithm>
#include <cstring>

#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
// Farther from the expected byte than any window: a stray packet, not this stream.
constexpr int64_t kPlausible = int64_t{1} << 30;
// A reset farther ahead than this was not sent by the client's stack; its position is not believed.
constexpr int64_t kMaxMissedAtReset = int64_t{1} << 20;

Segment* make_segment(Env& env, Session& s, int64_t offset, SegmentKind kind, Nanos now) {
  Segment* seg = env.segments.take();
  seg->offset = offset;
  seg->kind = kind;
  seg->captured_at = now;
  seg->answer_mark = s.client_acked;
  s.buffered += segment_cost(*seg);
  env.buffered += segment_cost(*seg);
  return seg;
}

Segment* make_data(Env& env, Session& s, int64_t offset, wire::Bytes data, bool push, Nanos now) {
  Segment* seg = make_segment(env, s, offset, SegmentKind::data, now);
  seg->push = push;
  seg->length = static_cast<uint32_t>(data.size());
  seg->buffer = env.buffers.take(data.size());
  seg->data = seg->buffer->data();
  std::memcpy(seg->data, data.data(), data.size());
  s.buffered += seg->length;
  env.buffered += seg->length;
  if (s.client_acked_at != 0) seg->think = now - s.client_acked_at;
  return seg;
}

// Where a mirrored connection may begin: at a turn, or at the first byte after a captured SYN.
bool is_boundary(const Session& s, const Segment& seg) {
  return seg.kind == SegmentKind::data && (seg.turn_start || (s.whole && seg.offset == 0));
}

// A captured segment has become in-order: decide whether it begins a turn, and queue or lose it.
void append(Env& env, Session& s, Segment* seg) {
  s.client_next = seg->offset + seg->length;
  seg->turn_start = seg->answer_mark > s.last_data_mark;
  s.last_data_mark = std::max(s.last_data_mark, seg->answer_mark);
  const bool data = seg->kind == SegmentKind::data;
  if (is_boundary(s, *seg) && !s.discard_for_ever) s.discarding = false;
  if (s.discarding && data) {
    book_lost(env, s, seg->length, s.discard_reason);
    free_segment(env, s, seg);
    return;
  }
  if (!data) {
    s.stream_complete = true;
    if (seg->kind == SegmentKind::fin) s.fin_captured = true;
  }
  s.queue.push_back(seg);
}

void drain_out_of_order(Env& env, Session& s) {
  while (s.out_of_order != nullptr && s.out_of_order->offset <= s.client_next) {
    Segment* seg = s.out_of_order;
    s.out_of_order = seg->next;
    append(env, s, seg);
  }
}

// Overlapping bytes that differ: first received wins (S2), the conflict is counted.
void compare(Env& env, const Segment& held, int64_t offset, wire::Bytes data) {
  if (held.kind != SegmentKind::data) return;
  const int64_t left = std::max(held.offset, offset);
  const int64_t right = std::min(held.end(), offset + static_cast<int64_t>(data.size()));
  if (left >= right) return;
  if (std::memcmp(held.data + (left - held.offset), data.data() + (left - offset),
                  static_cast<size_t>(right - left)) != 0) {
    ++env.counters.overlap_conflicts;
  }
}

bool over_limits(Env& env, Session& s, size_t bytes) {
  const uint64_t cost = bytes + kSegmentOverhead;
  LossReason reason = LossReason::none;
  if (s.buffered + cost > env.config.max_session_bytes) reason = LossReason::session_bytes_limit;
  if (env.buffered + cost > env.config.max_total_bytes) reason = LossReason::total_bytes_limit;
  if (reason == LossReason::none) return false;
  // What already waits in order is kept; the stream from here to the next turn is not. The gap
  // marker resets the mirrored connection when it gets there.
  if (!s.discarding) {
    s.queue.push_back(make_segment(env, s, s.client_next, SegmentKind::gap, s.active_at));
    s.queue.tail->turn_start = true;
    s.discarding = true;
  }
  s.discard_reason = reason;
  return true;
}

// Keeps the parts of [offset, offset + data.size()) that nothing holds yet, beyond client_next.
void keep_out_of_order(Env& env, Session& s, int64_t offset, wire::Bytes data, bool push,
                       Nanos now) {
  Segment** link = &s.out_of_order;
  while (!data.empty()) {
    while (*link != nullptr && (*link)->end() <= offset) {
      if ((*link)->kind != SegmentKind::data) return;  // beyond the FIN: not stream
      link = &(*link)->next;
    }
    size_t take = data.size();
    Segment* after = *link;
    if (after != nullptr) {
      if (after->offset <= offset) {
        compare(env, *after, offset, data);
        const auto skip = std::min<size_t>(data.size(), static_cast<size_t>(after->end() - offset));
        if (skip == 0) return;
        offset += static_cast<int64_t>(skip);
        data = data.subspan(skip);
        continue;
      }
      take = std::min<size_t>(take, static_cast<size_t>(after->offset - offset));
    }
    Segment* seg = make_data(env, s, offset, data.first(take), push && take == data.size(), now);
    book_captured(env, s, take);
    seg->next = after;
    *link = seg;
    link = &seg->next;
    offset += static_cast<int64_t>(take);
    data = data.subspan(take);
  }
}

void keep_out_of_order_fin(Env& env, Session& s, int64_t offset, Nanos now) {
  Segment** link = &s.out_of_order;
  while (*link != nullptr && (*link)->offset < offset) link = &(*link)->next;
  if (*link != nullptr) return;  // data beyond it, or the FIN again
  *link = make_segment(env, s, offset, SegmentKind::fin, now);
}

void note_hole(Session& s, Nanos now, int64_t acked_before) {
  if (s.hole_since != 0) return;
  s.hole_since = now;
  s.hole_acked = acked_before;
}

void take_stream(Env& env, Session& s, const wire::TcpPacket& p, int64_t acked_before, Nanos now) {
  const auto& h = p.header;
  const wire::Seq first = h.has(wire::tcp_flag::kSyn) ? h.seq + 1 : h.seq;
  int64_t offset = wire::unwrap(first, s.zero, s.client_next);
  const bool fin = h.has(wire::tcp_flag::kFin);
  wire::Bytes data = p.payload;
  if (data.empty() && !fin) return;
  if (std::abs(offset - s.client_next) > kPlausible) return;
  count_session(env, s);
  const int64_t fin_offset = offset + static_cast<int64_t>(data.size());
  if (s.stream_complete || (fin_offset <= s.client_next && !fin)) {
    ++env.counters.packets_retransmitted_online;
    // A keep-alive probe repeats one byte of garbage before the stream's end (RFC 9293 3.8.4).
    if (!data.empty() && !(data.size() == 1 && offset == s.client_next - 1)) {
      for (const Segment* seg = s.queue.head; seg != nullptr; seg = seg->next) {
        compare(env, *seg, offset, data);
      }
    }
    return;
  }
  if (offset < s.client_next && !data.empty()) {
    for (const Segment* seg = s.queue.head; seg != nullptr; seg = seg->next) {
      compare(env, *seg, offset, data);
    }
    const auto known = std::min<size_t>(data.size(), static_cast<size_t>(s.client_next - offset));
    data = data.subspan(known);
    offset += static_cast<int64_t>(known);
  }
  if (!data.empty() && over_limits(env, s, data.size())) {
    if (offset == s.client_next && s.out_of_order == nullptr) {
      // Known, and lost at once; the stream goes on behind it.
      book_captured(env, s, data.size());
      book_lost(env, s, data.size(), s.discard_reason);
      s.client_next += static_cast<int64_t>(data.size());
      s.last_data_mark = std::max(s.last_data_mark, s.client_acked);
    }
    data = {};
    if (fin_offset != s.client_next) return;
  }
  const bool push = h.has(wire::tcp_flag::kPsh);
  if (!data.empty()) {
    if (offset == s.client_next &&
        (s.out_of_order == nullptr ||
         offset + static_cast<int64_t>(data.size()) <= s.out_of_order->offset)) {
      book_captured(env, s, data.size());
      append(env, s, make_data(env, s, offset, data, push, now));
    } else {
      keep_out_of_order(env, s, offset, data, push, now);
    }
    drain_out_of_order(env, s);
  }
  if (fin && !s.stream_complete) {
    if (fin_offset == s.client_next) {
      append(env, s, make_segment(env, s, fin_offset, SegmentKind::fin, now));
      s.queue.tail->think = s.client_acked_at != 0 ? now - s.client_acked_at : 0;
    } else if (fin_offset > s.client_next) {
      keep_out_of_order_fin(env, s, fin_offset, now);
    }
  }
  if (s.out_of_order != nullptr) {
    note_hole(s, now, acked_before);
  } else {
    s.hole_since = 0;
  }
}

void take_reset(Env& env, Session& s, const wire::TcpPacket& p, Nanos now) {
  const int64_t offset = wire::unwrap(p.header.seq, s.zero, s.client_next);
  if (s.stream_complete && s.queue.tail != nullptr && s.queue.tail->kind == SegmentKind::rst)
    return;
  if (std::abs(offset - s.client_next) > kPlausible) return;
  end_stream(env, s, now);
  if (!s.fin_captured && offset > s.client_next && offset - s.client_next <= kMaxMissedAtReset) {
    keep_out_of_order_fin(env, s, offset, now);
    s.out_of_order->kind = SegmentKind::rst;
    s.hole_acked = s.client_acked;
    declare_gap(env, s, now);
    return;
  }
  append_reset(env, s, now);
}
}  // namespace

void append_reset(Env& env, Session& s, Nanos now) {
  append(env, s, make_segment(env, s, s.client_next, SegmentKind::rst, now));
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
    s.discard_reason = env.config.whole_only ? LossReason::not_whole : LossReason::before_capture;
    s.answer_zero = h.ack;
    s.answer_zero_known = true;
    s.client_acked_at = now;
    // Why: a client that only acks has had its answer, so what it sends next begins a turn; whether
    // data does, when it is the first thing seen, cannot be known.
    s.last_data_mark = packet.payload_length > 0 || h.has(wire::tcp_flag::kFin) ? 0 : -1;
  }
  capture_packet(env, s, packet, now);
}

void capture_packet(Env& env, Session& s, const wire::TcpPacket& packet, Nanos now) {
  const auto& h = packet.header;
  s.active_at = now;
  if (h.has(wire::tcp_flag::kRst)) {
    take_reset(env, s, packet, now);
    return;
  }
  // A packet cut by the capture was not captured; what follows shows the hole.
  if (packet.truncated()) return;
  const int64_t acked_before = s.client_acked;
  if (h.has(wire::tcp_flag::kAck)) {
    s.client_window = h.window;
    if (!s.answer_zero_known) {
      s.answer_zero = h.ack;
      s.answer_zero_known = true;
      s.client_acked_at = now;
    }
    const int64_t acked = wire::unwrap(h.ack, s.answer_zero, s.client_acked);
    if (acked > s.client_acked && acked - s.client_acked < kPlausible) {
      s.client_acked = acked;
      s.client_acked_at = now;
    }
  }
  take_stream(env, s, packet, acked_before, now);
}

Nanos gap_deadline(const Env& env, const Session& s) {
  if (s.out_of_order == nullptr) return kNever;
  // Answer bytes acked since prove that the online host took what was missed: it answers in order.
  const bool answered = s.client_acked > s.hole_acked;
  return s.hole_since + (answered ? env.config.gap_grace : env.config.gap_timeout);
}

void declare_gap(Env& env, Session& s, Nanos now) {
  Segment* first = s.out_of_order;
  if (first == nullptr) return;
  const auto missed = static_cast<uint64_t>(first->offset - s.client_next);
  book_captured(env, s, missed);
  book_lost(env, s, missed, LossReason::capture_gap);
  if (!s.discarding) {
    Segment* marker = make_segment(env, s, s.client_next, SegmentKind::gap, now);
    marker->answer_mark = s.hole_acked;
    marker->turn_start = true;
    s.queue.push_back(marker);
    s.discarding = true;
  }
  s.discard_reason = LossReason::capture_gap;
  s.client_next = first->offset;
  drain_out_of_order(env, s);
  s.hole_since = s.out_of_order != nullptr ? now : 0;
  s.hole_acked = s.client_acked;
}

void end_stream(Env& env, Session& s, Nanos now) {
  while (s.out_of_order != nullptr) declare_gap(env, s, now);
}

void lose_turn(Env& env, Session& s, LossReason reason) {
  while (!s.queue.empty()) {
    Segment* head = s.queue.head;
    const bool unsent = head == s.queue.next_unsent;
    if (unsent && (head->kind != SegmentKind::data || is_boundary(s, *head))) break;
    if (head->length > 0) book_lost(env, s, head->length, reason);
    free_segment(env, s, s.queue.pop_front());
  }
  s.sacked_out = s.lost_out = s.retrans_out = 0;
  if (s.queue.empty() && !s.stream_complete && !s.discarding) {
    s.discarding = true;
    s.discard_reason = reason;
  }
}

void lose_all(Env& env, Session& s, LossReason reason) {
  while (!s.queue.empty()) {
    if (s.queue.head->length > 0) book_lost(env, s, s.queue.head->length, reason);
    free_segment(env, s, s.queue.pop_front());
  }
  while (s.out_of_order != nullptr) {
    Segment* seg = s.out_of_order;
    s.out_of_order = seg->next;
    if (seg->length > 0) book_lost(env, s, seg->length, reason);
    free_segment(env, s, seg);
  }
  s.sacked_out = s.lost_out = s.retrans_out = 0;
  s.discarding = s.discard_for_ever = true;
  s.discard_reason = reason;
  s.hole_since = 0;
}

}  // namespace mirrorlab::engine
