#include "engine/core/invariants.h"

#include "engine/core/env.h"
#include "engine/core/session_table.h"

namespace mirrorlab::engine {

std::string check_session(const Session& s, SessionSums& sums) {
  uint64_t pending = 0, buffered = 0;
  uint32_t sacked = 0, lost = 0, retrans = 0, above = 0;
  bool judged = s.lost_judged != nullptr;
  int64_t end = -1;
  bool unsent = s.queue.head == s.queue.next_unsent;
  for (const Segment* seg = s.queue.head; seg != nullptr; seg = seg->next) {
    ++sums.segments;
    if (seg == s.queue.next_unsent) unsent = true;
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
    if (seg == s.lost_judged) judged = false;
    if (seg->lost) lost += n;
    if (seg->lost && seg->retransmitted) retrans += n;
    if (seg->next == nullptr && seg != s.queue.tail) return "queue tail is not its end";
    if (seg->next != nullptr && seg->next->previous != seg) return "queue links differ";
  }
  if (sacked != s.sacked_out || above != s.sacked_above || lost != s.lost_out ||
      retrans != s.retrans_out) {
    return "scoreboard sums differ from the segments";
  }
  if (s.connection == Connection::established && s.queue.in_flight()) {
    if (s.queue.head == nullptr) return "in flight with an empty queue";
    if (s.queue.head->offset != s.snd_una) return "snd_una is not the first segment in flight";
    if (s.rto_at == kNever) return "segments in flight and no retransmission timer";
  }
  if (s.snd_una > s.snd_nxt) return "snd_una beyond snd_nxt";
  if (s.ack_sent > s.rcv_nxt) return "acked more than was received";
  end = s.client_next;
  uint32_t waiting = 0;
  for (const Segment* seg = s.out_of_order.head; seg != nullptr; seg = seg->next) {
    ++sums.segments;
    ++waiting;
    if (seg->next == nullptr && seg != s.out_of_order.tail)
      return "out-of-order tail is not its end";
    if (seg->offset < end || (seg == s.out_of_order.head && seg->offset == end)) {
      return "out-of-order list overlaps at offset " + std::to_string(seg->offset);
    }
    end = seg->offset + seg->length;
    pending += seg->length;
    buffered += segment_cost(*seg);
  }
  if (s.out_of_order.empty() != (s.hole_since == 0)) return "hole without its timer";
  if (waiting != s.out_of_order_count) return "out-of-order segments miscounted";
  if (buffered != s.buffered) return "buffered bytes differ from the segments";
  if (s.bytes_captured != s.bytes_mirrored + s.bytes_lost + pending) {
    return "captured " + std::to_string(s.bytes_captured) + " != mirrored " +
           std::to_string(s.bytes_mirrored) + " + lost " + std::to_string(s.bytes_lost) +
           " + pending " + std::to_string(pending);
  }
  if (s.connection == Connection::finished && pending != 0) return "finished with bytes pending";
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
  if (env_.buffered > config_.max_total_bytes + (1U << 20U)) return "buffers beyond the limit";
  return {};
}

}  // namespace mirrorlab::engine
