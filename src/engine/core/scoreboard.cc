#include "engine/core/scoreboard.h"

#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
bool judged(const Session& s, const Segment& seg) {
  return s.work->lost_judged != nullptr && seg.offset <= s.work->lost_judged->offset;
}

void unmark(Session& s, Segment& seg) {
  const uint32_t n = seg.sequence_length();
  if (seg.sacked) {
    s.work->sacked_out -= n;
    if (!judged(s, seg)) {
      s.work->sacked_above -= n;
      --s.work->sacked_above_segments;
    }
  }
  if (seg.lost) s.work->lost_out -= n;
  if (seg.lost && seg.retransmitted) s.work->retrans_out -= n;
  seg.sacked = seg.lost = seg.retransmitted = false;
}

bool mark_lost(Session& s, Segment& seg) {
  if (seg.lost || seg.sacked) return false;
  seg.lost = true;
  seg.retransmitted = false;
  s.work->lost_out += seg.sequence_length();
  if (s.work->resend_hint != nullptr && seg.offset <= s.work->resend_hint->offset)
    s.work->resend_hint = seg.previous;
  return true;
}

// The segment in flight that holds sequence position `at`, looked for from the hint.
Segment* seek(const Session& s, int64_t at) {
  Segment* seg = s.work->sack_hint != nullptr ? s.work->sack_hint : s.work->queue.head;
  while (seg->offset > at && seg->previous != nullptr) seg = seg->previous;
  while (seg->next != s.work->queue.next_unsent && seg->next->offset <= at) seg = seg->next;
  return seg;
}

bool mark_block(Session& s, int64_t left, int64_t right, int64_t from) {
  bool any = false;
  for (Segment* seg = seek(s, from); seg != s.work->queue.next_unsent; seg = seg->next) {
    const uint32_t n = seg->sequence_length();
    if (seg->offset + n > right) break;
    s.work->sack_hint = seg;
    if (seg->sacked || seg->offset < left) continue;
    unmark(s, *seg);
    seg->sacked = true;
    s.work->sacked_out += n;
    if (!judged(s, *seg)) {
      s.work->sacked_above += n;
      ++s.work->sacked_above_segments;
    }
    any = true;
  }
  return any;
}
}  // namespace

void clear_scoreboard(Session& s) {
  if (!s.has_work()) return;
  s.work->sacked_out = s.work->lost_out = s.work->retrans_out = 0;
  s.work->sacked_above = s.work->sacked_above_segments = 0;
  s.work->sack_hint = s.work->lost_judged = s.work->resend_hint = nullptr;
  s.work->sack_seen = {};
}

void leave_scoreboard(Session& s, Segment& segment) {
  unmark(s, segment);
  if (s.work->sack_hint == &segment) s.work->sack_hint = nullptr;
  if (s.work->lost_judged == &segment) s.work->lost_judged = nullptr;
  if (s.work->resend_hint == &segment) s.work->resend_hint = nullptr;
}

void cut_in_scoreboard(Session& s, Segment& head, uint32_t bytes) {
  if (head.sacked) {
    s.work->sacked_out -= bytes;
    if (!judged(s, head)) s.work->sacked_above -= bytes;
  }
  if (head.lost && head.retransmitted) {
    // The test host took a part only; the rest is sent again like anything lost.
    s.work->retrans_out -= head.sequence_length();
    head.retransmitted = false;
    s.work->resend_hint = nullptr;
  }
  if (head.lost) s.work->lost_out -= bytes;
}

bool mark_sacked(Session& s, const wire::TcpOptions& options) {
  if (!s.work->queue.in_flight()) return false;
  bool any = false;
  // Only blocks that could be used are remembered: what lies beyond snd_nxt now may not later.
  decltype(s.work->sack_seen) used{};
  for (uint8_t b = 0; b < options.sack_count; ++b) {
    const wire::SackBlock& block = options.sack[b];
    const int64_t left = wire::unwrap(block.left, s.zero, s.snd_una);
    const int64_t right = wire::unwrap(block.right, s.zero, s.snd_una);
    if (left >= right || left < s.snd_una || right > s.snd_nxt) continue;
    used[b] = block;
    // Most blocks repeat those of the record before, or have grown at their right.
    int64_t from = left;
    for (const wire::SackBlock& seen : s.work->sack_seen) {
      if (seen.left != block.left || seen.left == seen.right) continue;
      const int64_t seen_right = wire::unwrap(seen.right, s.zero, s.snd_una);
      if (seen_right <= right) from = std::max(from, seen_right);
    }
    if (from < right) any |= mark_block(s, left, right, from);
  }
  if (options.sack_count > 0) s.work->sack_seen = used;
  return any;
}

bool mark_lost_by_sack(Session& s) {
  bool any = false;
  Segment* seg = s.work->lost_judged != nullptr ? s.work->lost_judged->next : s.work->queue.head;
  for (; seg != s.work->queue.next_unsent; seg = seg->next) {
    if (seg->sacked) {
      s.work->sacked_above -= seg->sequence_length();
      --s.work->sacked_above_segments;
    } else {
      if (s.work->sacked_above_segments < kDupThresh &&
          s.work->sacked_above <= (kDupThresh - 1U) * s.snd_mss) {
        break;
      }
      any |= mark_lost(s, *seg);
    }
    s.work->lost_judged = seg;
  }
  return any;
}

bool mark_head_lost(Session& s) {
  return s.work->queue.in_flight() && mark_lost(s, *s.work->queue.head);
}

void mark_all_lost(Session& s) {
  clear_scoreboard(s);
  for (Segment* seg = s.work->queue.head; seg != s.work->queue.next_unsent; seg = seg->next) {
    seg->sacked = seg->lost = seg->retransmitted = false;
    mark_lost(s, *seg);
  }
}

void mark_none_lost(Session& s) {
  const auto seen = s.work->sack_seen;
  clear_scoreboard(s);
  s.work->sack_seen = seen;
  for (Segment* seg = s.work->queue.head; seg != s.work->queue.next_unsent; seg = seg->next) {
    seg->lost = seg->retransmitted = false;
    if (!seg->sacked) continue;
    s.work->sacked_out += seg->sequence_length();
    s.work->sacked_above += seg->sequence_length();
    ++s.work->sacked_above_segments;
  }
}

Segment* next_to_resend(Session& s) {
  if (s.work->lost_out == s.work->retrans_out) return nullptr;
  Segment* seg = s.work->resend_hint != nullptr ? s.work->resend_hint->next : s.work->queue.head;
  while (seg != s.work->queue.next_unsent && (!seg->lost || seg->retransmitted)) {
    s.work->resend_hint = seg;
    seg = seg->next;
  }
  return seg != s.work->queue.next_unsent ? seg : nullptr;
}

void mark_resent(Session& s, Segment& segment) {
  if (!segment.lost || segment.retransmitted) return;
  segment.retransmitted = true;
  s.work->retrans_out += segment.sequence_length();
}

}  // namespace mirrorlab::engine
