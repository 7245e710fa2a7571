#include "engine/core/receiver.h"

#include <algorithm>

#include "wire/packet.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
void advance(Env& env, Session& s, int64_t to, bool pushed, Nanos now) {
  const auto gained = static_cast<uint64_t>(to - s.rcv_nxt);
  s.answer_bytes += gained;
  env.counters.answer_bytes += gained;
  s.rcv_nxt = to;
  s.last_pushed = pushed;
  s.answer_at = now;
}

// Takes ranges that rcv_nxt has reached. Their PSH flags were not kept: what filled the hole last
// decides, and a range that ends the burst counts as pushed because nothing is missing any more.
void absorb(Env& env, Session& s, Nanos now) {
  for (bool moved = true; moved;) {
    moved = false;
    for (uint8_t i = 0; i < s.rcv_ranges; ++i) {
      const Range range = s.out_of_order_answers[i];
      if (range.left > s.rcv_nxt) continue;
      if (range.right > s.rcv_nxt) advance(env, s, range.right, true, now);
      std::copy(s.out_of_order_answers.begin() + i + 1,
                s.out_of_order_answers.begin() + s.rcv_ranges, s.out_of_order_answers.begin() + i);
      --s.rcv_ranges;
      moved = true;
      break;
    }
  }
}

// Keeps the latest range first (RFC 2018 section 4); when all are taken the oldest is forgotten,
// which only means that the test host sends it again.
void keep_range(Session& s, Range range) {
  for (uint8_t i = 0; i < s.rcv_ranges;) {
    const Range& other = s.out_of_order_answers[i];
    if (other.left <= range.right && range.left <= other.right) {
      range = {std::min(range.left, other.left), std::max(range.right, other.right)};
      std::copy(s.out_of_order_answers.begin() + i + 1,
                s.out_of_order_answers.begin() + s.rcv_ranges, s.out_of_order_answers.begin() + i);
      --s.rcv_ranges;
    } else {
      ++i;
    }
  }
  if (s.rcv_ranges < s.out_of_order_answers.size()) ++s.rcv_ranges;
  std::copy_backward(s.out_of_order_answers.begin(),
                     s.out_of_order_answers.begin() + s.rcv_ranges - 1,
                     s.out_of_order_answers.begin() + s.rcv_ranges);
  s.out_of_order_answers[0] = range;
}
}  // namespace

void receive_answer(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now) {
  const bool fin = record.has(wire::tcp_flag::kFin);
  if (record.payload_length == 0 && !fin) return;
  s.ack_due = true;
  const int64_t left = wire::unwrap(record.seq, s.irs_next, s.rcv_nxt);
  const int64_t right = left + record.payload_length + (fin ? 1 : 0);
  if (right <= s.rcv_nxt || s.rcv_fin) return;  // a retransmission: the ack was lost
  if (left > s.rcv_nxt) {
    // Why: a FIN out of order is not remembered; the test host repeats it with the missing data.
    const int64_t data_right = fin ? right - 1 : right;
    if (data_right > left) keep_range(s, {left, data_right});
    return;
  }
  advance(env, s, right, record.has(wire::tcp_flag::kPsh) || fin, now);
  if (fin) {
    --s.answer_bytes;
    --env.counters.answer_bytes;
    s.rcv_fin = true;
    s.rcv_ranges = 0;
    return;
  }
  absorb(env, s, now);
}

int64_t ack_point(const Env& env, const Session& s, Nanos now) {
  if (env.config.ack == AckPolicy::eager || s.rcv_fin || s.stream_complete) return s.rcv_nxt;
  if (s.ack_at <= now) return s.rcv_nxt;
  const int64_t client = s.mark_test + (s.client_acked - s.mark_online);
  return std::clamp(client, s.ack_sent, s.rcv_nxt);
}

void write_sack(const Session& s, wire::TcpOptions& options) {
  if (!s.sack_ok) return;
  for (uint8_t i = 0; i < s.rcv_ranges; ++i) {
    const Range& range = s.out_of_order_answers[i];
    options.sack[i] = {wire::wrap(range.left, s.irs_next), wire::wrap(range.right, s.irs_next)};
  }
  options.sack_count = s.rcv_ranges;
}

}  // namespace mirrorlab::engine
