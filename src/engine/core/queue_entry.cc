#include "engine/core/queue_entry.h"

#include <algorithm>
#include <cstring>

namespace mirrorlab::engine {

Segment* make_segment(Env& env, Session& s, int64_t offset, SegmentKind kind, Nanos now) {
  Work& work = work_of(env, s);
  Segment* seg = env.segments.take();
  seg->offset = offset;
  seg->kind = kind;
  seg->captured_at = now;
  seg->answer_mark = s.client_acked;
  seg->after_bare_ack = offset == s.bare_ack_at;
  if (s.answer_zero_known) seg->think = now - s.client_acked_at;
  work.buffered += segment_cost(*seg);
  env.buffered += segment_cost(*seg);
  return seg;
}

Segment* make_data(Env& env, Session& s, int64_t offset, wire::Bytes data, bool push, Nanos now) {
  Segment* seg = make_segment(env, s, offset, SegmentKind::data, now);
  // Why not client_acked: a later ack may have overtaken the packet, which began no turn for that.
  seg->answer_mark = std::min(seg->answer_mark, env.packet_mark);
  seg->push = push;
  seg->length = static_cast<uint32_t>(data.size());
  seg->buffer = env.buffers.take(data.size());
  seg->data = seg->buffer->data();
  std::memcpy(seg->data, data.data(), data.size());
  s.work->buffered += seg->length;
  env.buffered += seg->length;
  return seg;
}

bool is_boundary(const Session& s, const Segment& segment) {
  // Why not the rest of a packet: a client sends a turn from its first byte on; this is a
  // retransmission that carries a later ack.
  return segment.kind == SegmentKind::data && !segment.cut_in_front &&
         (segment.turn_start || (s.whole && segment.offset == 0));
}

void append(Env& env, Session& s, Segment* segment) {
  if (s.whole && segment->offset == 0) s.greeting = static_cast<uint32_t>(segment->answer_mark);
  s.client_next = segment->offset + segment->length;
  segment->turn_start = segment->answer_mark > s.last_data_mark || segment->after_bare_ack;
  s.last_data_mark = std::max(s.last_data_mark, segment->answer_mark);
  const bool data = segment->kind == SegmentKind::data;
  if (is_boundary(s, *segment) && !s.discard_for_ever) s.discarding = false;
  if (s.discarding && data) {
    book_lost(env, s, segment->length, s.discard_reason);
    free_segment(env, s, segment);
    return;
  }
  if (!data) {
    s.stream_complete = true;
    if (segment->kind == SegmentKind::fin) s.fin_captured = true;
  }
  s.work->queue.push_back(segment);
}

void append_gap(Env& env, Session& s, LossReason reason, int64_t answer_mark, Nanos now) {
  if (!s.discarding) {
    Segment* mark = make_segment(env, s, s.client_next, SegmentKind::gap, now);
    mark->answer_mark = answer_mark;
    mark->think = 0;
    mark->turn_start = true;
    s.work->queue.push_back(mark);
    s.discarding = true;
  }
  s.discard_reason = reason;
}

}  // namespace mirrorlab::engine
