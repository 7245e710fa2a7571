#include "engine/core/reassembly.h"

#include <algorithm>
#include <cstring>

#include "engine/core/queue_entry.h"
#include "engine/core/receiver.h"

namespace mirrorlab::engine {

namespace {
// A retransmission repeats what was sent last; how far back conflicts are looked for.
constexpr int kCompared = 512;
// What comes later than this after a reset was sent after it.
constexpr Nanos kOvertaken = 100 * kMillisecond;

Segment* take_first(Session& s) {
  --s.work->out_of_order_count;
  return s.work->out_of_order.pop_front();
}

void insert(Session& s, Segment* before, Segment* segment) {
  s.work->out_of_order.insert_after(before, segment);
  ++s.work->out_of_order_count;
}

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
}  // namespace

void compare_with_held(Env& env, const Session& s, int64_t offset, wire::Bytes data) {
  int left = kCompared;
  for (const Segment* seg = s.work->queue.tail; seg != nullptr && left-- > 0; seg = seg->previous) {
    if (seg->end() < offset) return;
    compare(env, *seg, offset, data);
  }
}

void keep_out_of_order(Env& env, Session& s, int64_t offset, wire::Bytes data, bool cut, bool push,
                       Nanos now) {
  const int64_t first = offset;
  Segment* before = s.work->out_of_order.tail;
  while (before != nullptr && before->offset > offset) before = before->previous;
  // A FIN at or before these bytes: they are no stream.
  if (before != nullptr && before->kind != SegmentKind::data) return;
  while (!data.empty()) {
    if (before != nullptr && before->end() > offset) {
      compare(env, *before, offset, data);
      const auto known = std::min<size_t>(data.size(), static_cast<size_t>(before->end() - offset));
      offset += static_cast<int64_t>(known);
      data = data.subspan(known);
      continue;
    }
    Segment* after = before != nullptr ? before->next : s.work->out_of_order.head;
    size_t take = data.size();
    if (after != nullptr) {
      if (after->offset <= offset) {
        if (after->kind != SegmentKind::data) return;
        before = after;
        continue;
      }
      take = std::min<size_t>(take, static_cast<size_t>(after->offset - offset));
    }
    Segment* seg = make_data(env, s, offset, data.first(take), push && take == data.size(), now);
    seg->cut_in_front = cut || offset != first;
    book_captured(env, s, take);
    insert(s, before, seg);
    before = seg;
    offset += static_cast<int64_t>(take);
    data = data.subspan(take);
  }
}

void keep_out_of_order_end(Env& env, Session& s, int64_t offset, SegmentKind kind, Nanos now) {
  const Segment* last = s.work->out_of_order.tail;
  // Data beyond it, or the end again.
  if (last != nullptr && (last->end() > offset || last->kind != SegmentKind::data)) return;
  insert(s, s.work->out_of_order.tail, make_segment(env, s, offset, kind, now));
}

void drain_out_of_order(Env& env, Session& s) {
  while (!s.work->out_of_order.empty() && s.work->out_of_order.head->offset <= s.client_next) {
    append(env, s, take_first(s));
  }
}

void forget_void_reset(Env& env, Session& s, int64_t end, Nanos now) {
  Segment* last = s.work->out_of_order.tail;
  if (last == nullptr || last->kind != SegmentKind::rst) return;
  if (end <= last->offset && now - last->captured_at <= kOvertaken) return;
  Segment* before = last->previous;
  (before != nullptr ? before->next : s.work->out_of_order.head) = nullptr;
  s.work->out_of_order.tail = before;
  --s.work->out_of_order_count;
  free_segment(env, s, last);
  if (s.work->out_of_order.empty()) s.work->hole_since = 0;
}

void forget_out_of_order(Env& env, Session& s) {
  while (!s.work->out_of_order.empty()) {
    Segment* seg = take_first(s);
    book_not_stream(env, s, seg->length);
    free_segment(env, s, seg);
  }
  if (s.has_work()) s.work->hole_since = 0;
}

void note_hole(Session& s, int64_t acked_before, Nanos now) {
  if (s.work->out_of_order.empty()) {
    if (s.has_work()) s.work->hole_since = 0;
  } else if (s.work->hole_since == 0) {
    s.work->hole_since = std::max<Nanos>(now, 1);
    // Where acks had shown the hole already, they may be for answers to what was missed.
    const bool known = wire::unwrap(s.client_seen, s.zero, s.client_next) > s.client_next;
    s.work->hole_acked = known ? std::min(acked_before, s.last_data_mark) : acked_before;
  }
}

namespace {
// Since when it has been certain that the online host took what was missed, so that the client
// sends it no more; kNever where it may still.
Nanos certain_since(const Env& env, const Session& s) {
  const Segment& first = *s.work->out_of_order.head;
  const Segment& last = *s.work->out_of_order.tail;
  // A client that has reset sends nothing again.
  if (last.kind == SegmentKind::rst) return s.work->hole_since;
  // One whose first time-out has passed sends what was not acked, and nothing new (RFC 5681 3.1).
  if (last.captured_at - s.work->hole_since > env.config.gap_grace) return last.captured_at;
  if (s.client_acked <= s.work->hole_acked && !first.after_bare_ack) return kNever;
  // The client was answered since. That proves something only if the answer is to more than what
  // came before the hole: with a client that pipelines it may be late. How much there was to say to
  // what came before the test host tells, once it was asked.
  if (s.connection == Connection::none) return s.work->hole_since;
  const bool asked_all = s.connection == Connection::established && s.work->queue.empty();
  if (!asked_all || !env.link_up(s) || client_position(s) <= s.rcv_nxt) return kNever;
  return std::max({s.work->hole_since, s.all_acked_at, s.answer_at, env.silence_counts_from(s)});
}
}  // namespace

Nanos gap_deadline(const Env& env, const Session& s) {
  if (s.work->out_of_order.empty()) return kNever;
  const Nanos latest = s.work->hole_since + env.config.gap_timeout;
  const Nanos since = certain_since(env, s);
  return since == kNever ? latest : std::min(latest, since + env.config.gap_grace);
}

namespace {
// What the test host is to have answered before the connection is reset at the hole in front of
// `first`: what the client had acked; and where its acks show that an answer came, but not before
// which of the bytes, at least some of it.
int64_t answered_before_gap(const Session& s, const Segment& first) {
  if (s.work->hole_acked <= s.last_data_mark && first.answer_mark > s.last_data_mark) {
    return s.last_data_mark + 1;
  }
  return s.work->hole_acked;
}
}  // namespace

void declare_gap(Env& env, Session& s, LossReason reason, Nanos now) {
  Segment* first = s.work->out_of_order.head;
  if (first == nullptr) return;
  const auto missed = static_cast<uint64_t>(first->offset - s.client_next);
  book_captured(env, s, missed);
  book_lost(env, s, missed, reason);
  append_gap(env, s, reason, answered_before_gap(s, *first), now);
  s.client_next = first->offset;
  // Why: what was missed may be of the same turn as what follows it, and the rest of a turn must
  // not go out as one. Only an ack of its own just before shows that a turn begins here.
  if (!first->after_bare_ack) s.last_data_mark = std::max(s.last_data_mark, first->answer_mark);
  drain_out_of_order(env, s);
  const Segment* next = s.work->out_of_order.head;
  s.work->hole_since = next != nullptr ? std::max<Nanos>(next->captured_at, 1) : 0;
  if (next != nullptr) s.work->hole_acked = next->answer_mark;
}

}  // namespace mirrorlab::engine
