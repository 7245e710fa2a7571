#include "engine/core/invariants.h"

#include "engine/core/env.h"
#include "engine/core/session_table.h"

namespace mirrorlab::engine {

std::string check_session(const Session& s, SessionSums& sums) {
  uint64_t pending = 0, buffered = 0;
  uint32_t sacked = 0, lost = 0, retrans = 0, above = 0;
  bool judged = s.work->lost_judged != nullptr;
  int64_t end = -1;
  bool unsent = s.work->queue.head == s.work->queue.next_unsent;
  for (const Segment* seg = s.work->queue.head; seg != nullptr; seg = seg->next) {
    ++sums.segments;
    if (seg == s.work->queue.next_unsent) unsent = true;
    pending += seg->length;
    buffered += segment_cost(*seg);
    if (seg->offset < end) return "queue out of order at offset " + std::to_string(seg->offset);
    end = seg->offset + seg->length;
    if (unsent && seg->transmissions != 0) return "unsent segment was sent";
    if (!unsent && seg->transmissions == 0) return "segment in flight was never sent";
    if (seg->sacked && seg->lost) return "segment both sacked and lost";
    const uint32_t n = seg->sequence_length();
    if (seg->sacked) sacked += n;
    if (seg->sacked && !judged) above += n;
    if (judged && !unsent && !seg->sacked && !seg->lost)
      return "judged, but neither sacked nor lost";
    if (seg == s.work->lost_judged) judged = false;
    if (seg->lost) lost += n;
    if (seg->lost && seg->retransmitted) retrans += n;
    if (seg->next == nullptr && seg != s.work->queue.tail) return "queue tail is not its end";
    if (seg->next != nullptr && seg->next->previous != seg) return "queue links differ";
  }
  if (sacked != s.work->sacked_out || above != s.work->sacked_above || lost != s.work->lost_out ||
      retrans != s.work->retrans_out) {
    return "scoreboard sums differ from the segments";
  }
  if (s.connection == Connection::established && s.work->queue.in_flight()) {
    if (s.work->queue.head == nullptr) return "in flight with an empty queue";
    if (s.work->queue.head->offset != s.snd_una)
      return "snd_una is not the first segment in flight";
    if (s.work->rto_at == kNever) return "segments in flight and no retransmission timer";
  }
  if (s.snd_una > s.snd_nxt) return "snd_una beyond snd_nxt";
  if (s.ack_sent > s.rcv_nxt) return "acked more than was received";
  end = s.client_next;
  uint32_t waiting = 0;
  for (const Segment* seg = s.work->out_of_order.head; seg != nullptr; seg = seg->next) {
    ++sums.segments;
    ++waiting;
    if (seg->next == nullptr && seg != s.work->out_of_order.tail)
      return "out-of-order tail is not its end";
    if (seg->offset < end || (seg == s.work->out_of_order.head && seg->offset == end)) {
      return "out-of-order list overlaps at offset " + std::to_string(seg->offset);
    }
    end = seg->offset + seg->length;
    pending += seg->length;
    buffered += segment_cost(*seg);
  }
  if (s.work->out_of_order.empty() != (s.work->hole_since == 0)) return "hole without its timer";
  if (waiting != s.work->out_of_order_count) return "out-of-order segments miscounted";
  if (buffered != s.work->buffered) return "buffered bytes differ from the segments";
  if (s.bytes_captured != s.bytes_mirrored + s.bytes_lost + pending) {
    return "captured " + std::to_string(s.bytes_captured) + " != mirrored " +
           std::to_string(s.bytes_mirrored) + " + lost " + std::to_string(s.bytes_lost) +
           " + pending " + std::to_string(pending);
  }
  if (s.connection == Connection::finished && pending != 0) return "finished with bytes pending";
  if (!s.has_work() && (s.connection == Connection::syn_sent || s.rcv_ranges != 0)) {
    return "something is under way without work";
  }
  sums.works += s.has_work() ? 1 : 0;
  sums.pending += pending;
  sums.buffered += buffered;
  if (s.counted && s.connection != Connection::finished) ++sums.live;
  return {};
}

std::string SessionTable::check_invariants() const {
  SessionSums sums;
  uint32_t used = 0;
  for (uint32_t id = 0; id < slabs_.size() * kSlab; ++id) {
    const Session& s = at(id);
    if (!s.live) continue;
    ++used;
    if (std::string wrong = check_session(s, sums); !wrong.empty()) {
      return env_.mirrored_flow(s).to_string() + ": " + wrong;
    }
  }
  if (std::string wrong = env_.account.imbalance(); !wrong.empty()) return wrong;
  if (used != in_use_) return "sessions in use differ from the count";
  if (sums.pending != env_.account.bytes_pending) return "pending bytes differ from the sessions'";
  if (sums.live != env_.account.sessions_live) return "live sessions differ from the account";
  if (sums.buffered != env_.buffered) return "buffered bytes differ from the sessions'";
  if (sums.segments != env_.segments.in_use()) return "segments leaked";
  if (sums.works != env_.works.in_use()) return "works leaked";
  if (env_.buffered > config_.max_total_bytes + (1U << 20U)) return "buffers beyond the limit";
  return {};
}

}  // namespace mirrorlab::engine
