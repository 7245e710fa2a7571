#include "engine/core/scoreboard.h"

#include "wire/seq.h"

namespace mirrorlab::engine {

void forget_marks(Session& s, const Segment& segment) {
  const uint32_t n = segment.sequence_length();
  if (segment.sacked) s.sacked_out -= n;
  if (segment.lost) s.lost_out -= n;
  if (segment.lost && segment.retransmitted) s.retrans_out -= n;
}

bool mark_sacked(Session& s, const wire::TcpOptions& options) {
  bool any = false;
  for (uint8_t b = 0; b < options.sack_count; ++b) {
    const int64_t left = wire::unwrap(options.sack[b].left, s.zero, s.snd_una);
    const int64_t right = wire::unwrap(options.sack[b].right, s.zero, s.snd_una);
    if (left >= right || left < s.snd_una || right > s.snd_nxt) continue;
    for (Segment* seg = s.queue.head; seg != s.queue.next_unsent; seg = seg->next) {
      if (seg->offset >= right) break;
      if (seg->sacked || seg->offset < left || seg->offset + seg->sequence_length() > right)
        continue;
      forget_marks(s, *seg);
      seg->lost = seg->retransmitted = false;
      seg->sacked = true;
      s.sacked_out += seg->sequence_length();
      any = true;
    }
  }
  return any;
}

namespace {
bool mark_lost(Session& s, Segment& seg) {
  if (seg.lost || seg.sacked) return false;
  seg.lost = true;
  seg.retransmitted = false;
  s.lost_out += seg.sequence_length();
  return true;
}
}  // namespace

bool mark_lost_by_sack(Session& s) {
  uint32_t above_bytes = s.sacked_out;
  uint32_t above_segments = 0;
  for (const Segment* seg = s.queue.head; seg != s.queue.next_unsent; seg = seg->next) {
    if (seg->sacked) ++above_segments;
  }
  bool any = false;
  for (Segment* seg = s.queue.head; seg != s.queue.next_unsent; seg = seg->next) {
    if (seg->sacked) {
      above_bytes -= seg->sequence_length();
      --above_segments;
      continue;
    }
    if (above_segments < kDupThresh && above_bytes <= (kDupThresh - 1U) * s.snd_mss) break;
    any |= mark_lost(s, *seg);
  }
  return any;
}

bool mark_head_lost(Session& s) { return s.queue.in_flight() && mark_lost(s, *s.queue.head); }

void mark_all_lost(Session& s) {
  s.sacked_out = s.lost_out = s.retrans_out = 0;
  for (Segment* seg = s.queue.head; seg != s.queue.next_unsent; seg = seg->next) {
    seg->sacked = seg->lost = seg->retransmitted = false;
    mark_lost(s, *seg);
  }
}

}  // namespace mirrorlab::engine
