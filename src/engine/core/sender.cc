#include "engine/core/sender.h"

#include <algorithm>

#include "engine/core/congestion.h"
#include "engine/core/emit.h"
#include "engine/core/retransmission.h"
#include "engine/core/rtt.h"
#include "engine/core/scoreboard.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
void cut_front(Env& env, Session& s, Segment& head, uint32_t bytes) {
  cut_in_scoreboard(s, head, bytes);
  head.offset += bytes;
  head.data += bytes;
  head.length -= bytes;
  s.work->buffered -= bytes;
  env.buffered -= bytes;
  book_mirrored(env, s, bytes);
}

// What snd_una passed leaves the queue; a segment acked in part loses its front. Gives the
// round-trip time of the last segment acked, or -1 where none says it.
Nanos drop_acked(Env& env, Session& s, int64_t acked, Nanos now) {
  Nanos sample = -1;
  while (s.work->queue.in_flight()) {
    Segment* head = s.work->queue.head;
    const int64_t end = head->offset + head->sequence_length();
    if (end > acked) {
      if (head->offset < acked)
        cut_front(env, s, *head, static_cast<uint32_t>(acked - head->offset));
      return sample;
    }
    // Karn: only a segment sent once gives a sample, and not one that was held before (SACK).
    sample = head->transmissions == 1 && !head->sacked ? now - head->sent_at : -1;
    leave_scoreboard(s, *head);
    if (head->kind == SegmentKind::fin) s.fin_acked = true;
    book_mirrored(env, s, head->length);
    free_segment(env, s, s.work->queue.pop_front());
  }
  return sample;
}

// RFC 9293 3.10.7.4, as Linux does it: records may come in any order, so the window of an older one
// must not replace a newer one's. Of records alike in all else the larger window is the later.
bool take_window(Session& s, const wire::HeaderRecord& r, bool acks_more) {
  const uint32_t window = uint32_t{r.window} << s.snd_scale;
  const bool newer = acks_more || r.seq.after(s.snd_wl1);
  if (!newer && (r.seq != s.snd_wl1 || (window < s.snd_wnd && window != 0))) return false;
  const bool moved = window != s.snd_wnd;
  s.snd_wnd = window;
  s.snd_wl1 = r.seq;
  return moved;
}

bool is_dup_ack(const Session& s, const wire::HeaderRecord& r) {
  return s.work->queue.in_flight() && r.payload_length == 0 && !r.has(wire::tcp_flag::kFin) &&
         uint32_t{r.window} << s.snd_scale == s.snd_wnd;
}

void take_new_ack(Env& env, Session& s, int64_t ack, const wire::HeaderRecord& r, Nanos now) {
  const auto acked = static_cast<uint32_t>(ack - s.snd_una);
  const uint32_t before = pipe(s);
  const Nanos sample = drop_acked(env, s, ack, now);
  s.snd_una = ack;
  s.dup_acks = 0;
  s.tlp_sent = false;
  if (sample >= 0) {
    add_rtt_sample(s, sample);
  } else if (s.timestamps_ok) {
    add_rtt_sample_of_echo(s, r, now);
  }
  if (s.recovery != Recovery::none && ack >= s.recover) s.recovery = Recovery::none;
  // RFC 7661 in short: a window that was not used says nothing about the path.
  if (before + acked >= s.cwnd / 2) grow_window(s, acked);
}

// True when something in flight is lost by what the acks say.
bool find_losses(Session& s, bool acked_more) {
  if (s.sack_ok) return s.work->sacked_out > 0 && mark_lost_by_sack(s);
  // NewReno (RFC 6582): one hole per partial ack; dup acks of what an RTO sent twice say nothing.
  const bool partial = s.recovery == Recovery::fast && acked_more;
  const bool duplicate = s.dup_acks >= kDupThresh && s.snd_una > s.recover;
  return (partial || duplicate) && mark_head_lost(s);
}
}  // namespace

void start_sending(Env& env, Session& s, int64_t start) {
  s.snd_una = s.snd_nxt = start;
  s.recover = start - 1;
  s.snd_wnd = s.cwnd = 0;
  s.ssthresh = kMaxCwnd;
  clear_scoreboard(s);
  s.srtt_us = s.rttvar_us = 0;
  s.dup_acks = s.backoff = 0;
  s.recovery = Recovery::none;
  s.tlp_sent = s.resend_now = s.fin_acked = s.took_turn = false;
  work_of(env, s).stalled_since = 0;
  s.work->undo_cwnd = 0;
}

bool receive_ack(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now) {
  const int64_t ack = wire::unwrap(record.ack, s.zero, s.snd_una);
  if (ack > s.snd_nxt || ack < s.snd_una - (int64_t{0xffff} << s.snd_scale)) return false;
  if (ack < s.snd_una) return true;
  const bool acked_more = ack > s.snd_una;
  const bool was_in_flight = s.work->queue.in_flight();
  if (take_window(s, record, acked_more) && !was_in_flight) s.backoff = 0;
  if (acked_more) {
    take_new_ack(env, s, ack, record, now);
    undo_spurious_timeout(env, s, record);
    s.work->stalled_since = s.work->queue.in_flight() ? std::max<Nanos>(now, 1) : 0;
  } else if (is_dup_ack(s, record) && s.dup_acks < UINT8_MAX) {
    ++s.dup_acks;
  }
  const bool sacked_more = s.sack_ok && mark_sacked(s, record.options);
  if (!s.work->queue.in_flight()) {
    if (was_in_flight) s.all_acked_at = now;
    s.recovery = Recovery::none;
    if (s.has_work()) s.work->rto_at = s.work->probe_at = kNever;
    return true;
  }
  if (find_losses(s, acked_more)) {
    // RFC 6675 section 5 (4.3), RFC 6582 section 3.2 (3).
    s.resend_now = s.recovery == Recovery::none || !s.sack_ok;
    if (s.recovery == Recovery::none) enter_fast_recovery(env, s);
  }
  if (acked_more || sacked_more) note_progress(env, s, now);
  return true;
}

void send_lost(Env& env, Session& s, Nanos now) {
  for (Segment* seg = next_to_resend(s); seg != nullptr; seg = next_to_resend(s)) {
    // Why: one segment may always leave, else a window below one MSS would wait for ever.
    if (!s.resend_now && pipe(s) > 0 && pipe(s) + seg->sequence_length() > s.cwnd) return;
    s.resend_now = false;
    mark_resent(s, *seg);
    emit_segment(env, s, *seg, now);
    // RFC 6675 section 5 (3): the first retransmission of a recovery restarts the timer.
    if (seg == s.work->queue.head || s.work->rto_at == kNever) s.work->rto_at = now + rto(env, s);
  }
}

uint32_t sendable(const Env& env, Session& s, const Segment& next, Nanos now) {
  const uint32_t whole = std::min<uint32_t>(next.length, s.snd_mss);
  const uint32_t room = send_room(s);
  if (room >= whole) return whole;
  // RFC 9293 3.8.6.2.1: no silly small segments while acks are under way that open the window.
  if (s.work->queue.in_flight()) return 0;
  if (room == 0) start_persist_timer(env, s, now);
  return room;
}

void send_next(Env& env, Session& s, uint32_t limit, Nanos now) {
  Segment* seg = s.work->queue.next_unsent;
  if (seg->length > limit) {
    Segment* rest = env.segments.take();
    *rest = *seg;
    rest->turn_start = rest->after_bare_ack = false;
    rest->offset += limit;
    rest->data += limit;
    rest->length -= limit;
    if (rest->buffer != nullptr) BufferPool::add_reference(rest->buffer);
    seg->length = limit;
    seg->push = false;
    s.work->queue.insert_after(seg, rest);
    s.work->buffered += kSegmentOverhead;
    env.buffered += kSegmentOverhead;
  }
  // Why: what was learnt of the path is old after a pause (RFC 5681 section 4.1).
  if (!s.work->queue.in_flight()) {
    if (now - s.all_acked_at > rto(env, s)) s.cwnd = std::min(s.cwnd, initial_window(s));
    s.dup_acks = 0;
  }
  s.took_turn = true;
  s.work->queue.next_unsent = seg->next;
  s.snd_nxt = seg->offset + seg->sequence_length();
  emit_segment(env, s, *seg, now);
  if (s.work->stalled_since == 0) s.work->stalled_since = std::max<Nanos>(now, 1);
  note_sent(env, s, now);
}

}  // namespace mirrorlab::engine
