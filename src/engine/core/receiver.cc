#include "engine/core/receiver.h"

#include <algorithm>

#include "engine/core/emit.h"
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
  auto& answers = s.work->out_of_order_answers;
  for (bool moved = true; moved;) {
    moved = false;
    for (uint8_t i = 0; i < s.rcv_ranges; ++i) {
      const Range range = answers[i];
      if (range.left > s.rcv_nxt) continue;
      if (range.right > s.rcv_nxt) advance(env, s, range.right, true, now);
      std::copy(answers.begin() + i + 1, answers.begin() + s.rcv_ranges, answers.begin() + i);
      --s.rcv_ranges;
      moved = true;
      break;
    }
  }
}

// Keeps the latest range first (RFC 2018 section 4); when all are taken the oldest is forgotten,
// which only means that the test host sends it again.
void keep_range(Session& s, std::array<Range, 4>& answers, Range range) {
  for (uint8_t i = 0; i < s.rcv_ranges;) {
    const Range& other = answers[i];
    if (other.left <= range.right && range.left <= other.right) {
      range = {std::min(range.left, other.left), std::max(range.right, other.right)};
      std::copy(answers.begin() + i + 1, answers.begin() + s.rcv_ranges, answers.begin() + i);
      --s.rcv_ranges;
    } else {
      ++i;
    }
  }
  if (s.rcv_ranges < answers.size()) ++s.rcv_ranges;
  std::copy_backward(answers.begin(), answers.begin() + s.rcv_ranges - 1,
                     answers.begin() + s.rcv_ranges);
  answers[0] = range;
}
}  // namespace

namespace {
constexpr int64_t kUsualMss = 1460;

int64_t receive_window(const Session& s) {
  return int64_t{0xffff} << (s.scale_ok ? s.client_scale : 0);
}
}  // namespace

void receive_answer(Env& env, Session& s, const wire::HeaderRecord& record, Nanos now) {
  const bool fin = record.has(wire::tcp_flag::kFin);
  const int64_t left = wire::unwrap(record.seq, s.irs_next, s.rcv_nxt);
  // A keep-alive or window probe is an empty segment before rcv_nxt; it asks for an ack.
  if (record.payload_length == 0 && !fin && left >= s.rcv_nxt) return;
  s.ack_due = true;
  const int64_t right = left + record.payload_length + (fin ? 1 : 0);
  if (left != s.rcv_nxt && record.payload_length > 0) env.loss_seen_at = now;
  if (right <= s.rcv_nxt || s.rcv_fin) return;  // a retransmission: the ack was lost
  if (left > s.rcv_nxt) {
    if (fin) work_of(env, s).fin_at = right - 1;
    keep_range(s, work_of(env, s).out_of_order_answers, {left, right});
    return;
  }
  advance(env, s, right, record.has(wire::tcp_flag::kPsh) || fin, now);
  absorb(env, s, now);
  const int64_t fin_at = fin ? right - 1 : s.work->fin_at;
  if (fin_at >= 0 && s.rcv_nxt > fin_at) {
    --s.answer_bytes;
    --env.counters.answer_bytes;
    s.rcv_nxt = fin_at + 1;
    s.rcv_fin = true;
    s.rcv_ranges = 0;
  }
}

bool acceptable(Session& s, const wire::HeaderRecord& r) {
  const int64_t left = wire::unwrap(r.seq, s.irs_next, s.rcv_nxt);
  const int64_t window = receive_window(s);
  if (left > s.rcv_nxt + window || left < s.rcv_nxt - window) return false;
  // Why: records overtake each other, thus a reset may come before the data it follows. One with
  // numbers of an earlier connection lies outside the window, as good as always.
  // Where a handshake was begun anew, what answers the one before may lie in the window as well:
  // only the very byte counts then (RFC 5961 section 3), and an ack brings that.
  if (r.has(wire::tcp_flag::kRst)) return s.taken_back ? left == s.rcv_nxt : left >= s.rcv_nxt;
  if (!s.timestamps_ok || !r.options.timestamps) return true;
  const uint32_t value = r.options.timestamps->value;
  if (static_cast<int32_t>(value - s.ts_recent) < 0) return false;
  if (left <= s.ack_sent) s.ts_recent = value;
  return true;
}

int64_t client_position(const Session& s) { return s.mark_test + (s.client_acked - s.mark_online); }

namespace {
// The client's next turn waits, and the test host has said more than the client ever heard: nobody
// will ack that for the client.
bool holds_surplus(const Session& s) {
  const Segment* next = s.work->queue.next_unsent;
  return next != nullptr && next->turn_start && client_position(s) < s.rcv_nxt;
}
}  // namespace

uint16_t receive_window_field(const Env& env, const Session& s, Nanos now) {
  if (env.config.ack == AckPolicy::eager || s.stream_complete) return 0xffff;
  // Why: a live client answers window probes. One that says nothing any more has closed its window
  // for ever, and the test host would ask as long.
  if (s.client_window == 0 && now - s.client_at >= env.config.user_timeout) return 0xffff;
  // The client's window begins where its acks are, which may be ahead of the test host; one that is
  // closed there must not keep back an answer which the client has had.
  const int64_t ahead = std::max<int64_t>(client_position(s) - s.rcv_nxt, 0);
  const int scale = s.scale_ok ? s.client_scale : 0;
  const int64_t units = (ahead + (int64_t{1} << scale) - 1) >> scale;
  return static_cast<uint16_t>(std::min<int64_t>(s.client_window + units, 0xffff));
}

void note_client_ack(const Env& env, Session& s, Nanos now) {
  if (env.config.ack == AckPolicy::client && receive_window_field(env, s, now) != s.window_sent)
    s.ack_due = true;
}

int64_t ack_point(const Env& env, const Session& s, Nanos now) {
  if (env.config.ack == AckPolicy::eager || s.rcv_fin || s.stream_complete) return s.rcv_nxt;
  if (s.work->ack_at <= now || holds_surplus(s)) return s.rcv_nxt;
  return std::clamp(client_position(s), s.ack_sent, s.rcv_nxt);
}

void send_due_ack(Env& env, Session& s, Nanos now) {
  const int64_t ack = ack_point(env, s, now);
  const bool progress = ack > s.ack_sent;
  // Why: an ack held back for the client's pace must not look like a duplicate of the last one.
  const bool repeat = s.ack_due && (ack == s.rcv_nxt || s.rcv_ranges > 0 ||
                                    receive_window_field(env, s, now) != s.window_sent);
  if (progress || repeat) emit_ack(env, s, now);
  s.ack_due = false;
  if (s.ack_sent == s.rcv_nxt) return;
  // The client's own progress starts the wait for the rest anew.
  if (progress || s.work->ack_at == kNever) {
    work_of(env, s).ack_at = now + env.config.ack_hold_limit;
  }
}

void ack_surplus(Env& env, Session& s, Nanos now) {
  if (env.config.ack == AckPolicy::client && s.ack_sent < s.rcv_nxt && holds_surplus(s)) {
    emit_ack(env, s, now);
  }
}

void note_window(const Env& env, Session& s, int64_t ack, uint16_t window, Nanos now) {
  if (env.config.ack == AckPolicy::client) {
    const int scale = s.scale_ok ? s.client_scale : 0;
    const int64_t edge = s.ack_sent + (int64_t{s.window_sent} << scale);
    // Less than a segment: a sender waits for more (RFC 9293 3.8.6.2.1).
    const int64_t segment = s.client_mss != 0 ? s.client_mss : kUsualMss;
    if (edge - s.rcv_nxt < segment && ack + (int64_t{window} << scale) > edge) {
      s.window_opened_at = now;
    }
  }
  s.ack_sent = std::max(s.ack_sent, ack);
  s.window_sent = window;
}

void write_sack(const Session& s, wire::TcpOptions& options) {
  if (!s.sack_ok) return;
  for (uint8_t i = 0; i < s.rcv_ranges; ++i) {
    const Range& range = s.work->out_of_order_answers[i];
    options.sack[i] = {wire::wrap(range.left, s.irs_next), wire::wrap(range.right, s.irs_next)};
  }
  options.sack_count = s.rcv_ranges;
}

}  // namespace mirrorlab::engine
