#include "support/test_host.h"

#include <algorithm>

namespace mirrorlab::testing {

using namespace engine;
using namespace wire::tcp_flag;
using wire::Seq;

namespace {
constexpr uint32_t kChunk = 14'480;  // ten segments in one record, as GSO gives them
constexpr int64_t kInFlight = 60'000;
constexpr Nanos kResend = 250 * kMillisecond;
}  // namespace

TestHost::TestHost(const Config& config, std::vector<Answer> answers, uint32_t lose_one_of)
    : config_(config),
      answers_(std::move(answers)),
      lose_one_of_(lose_one_of),
      core_(config_, *this) {}

bool TestHost::lost() {
  if (lose_one_of_ == 0) return false;
  // Why a hash: a plain count falls in step with retransmissions, and the same one is always lost.
  uint64_t h = ++sent_ * 0x9e3779b97f4a7c15ULL;
  h = (h ^ h >> 32U) * 0xd6e8feb86659fd93ULL;
  return (h >> 32U) % lose_one_of_ == 0;
}

void TestHost::check() {
  if (wrong_.empty()) wrong_ = core_.check_invariants();
}

void TestHost::transmit(const wire::TcpHeader& header, wire::Bytes payload) {
  if (header.dst != config_.mappings[0].test && wrong_.empty()) wrong_ = "a packet went elsewhere";
  if (lost()) return;
  wire_.push({now_ + kOneWay, ++order_, true, header, {payload.begin(), payload.end()}, {}});
}

void TestHost::client(const wire::TcpPacket& packet) {
  core_.on_client_packet(packet, now_);
  check();
  core_.flush(now_);
  check();
}

Nanos TestHost::next_event() const {
  const Nanos arrival = wire_.empty() ? kNever : wire_.top().at;
  return std::max(now_, std::min({arrival, resend_at_, core_.next_wakeup()}));
}

void TestHost::step() {
  now_ = next_event();
  if (!wire_.empty() && wire_.top().at <= now_) {
    const Event event = wire_.top();
    wire_.pop();
    if (event.to_host) {
      on_packet(event.header, event.payload);
    } else {
      core_.on_header(event.record, now_);
      check();
      core_.flush(now_);
    }
  }
  if (resend_at_ <= now_) send_from(acked_);
  if (core_.next_wakeup() <= now_) core_.on_timer(now_);
  check();
}

void TestHost::run_until(Nanos until) {
  while (wrong_.empty() && next_event() <= until) step();
  now_ = std::max(now_, until);
}

bool TestHost::run_to_rest() {
  // Why both: a host that still repeats its answer is not the engine's business once that sleeps.
  for (int steps = 0; wrong_.empty(); ++steps) {
    if (core_.next_wakeup() == kNever && wire_.empty()) return true;
    if (core_.account().sessions_live == 0 && core_.next_wakeup() == kNever) return true;
    if (steps > 500'000) {
      wrong_ = "the engine never comes to rest";
      break;
    }
    step();
  }
  return false;
}

void TestHost::reply(uint8_t flags, Seq seq, uint32_t length) {
  wire::HeaderRecord r;
  r.flow = flow_;
  r.seq = seq;
  r.ack = accepted_.back().isn + 1 + static_cast<uint32_t>(received_) + (fin_received_ ? 1U : 0U);
  r.flags = flags;
  r.window = 65535;
  r.payload_length = length;
  if (timestamps_ok_) {
    r.options.timestamps =
        wire::TcpTimestamps{static_cast<uint32_t>(now_ / kMillisecond), ts_recent_};
  }
  if ((flags & kSyn) != 0) {
    r.options.mss = 1460;
    r.options.sack_permitted = sack_ok_;
    if (scale_ok_) r.options.window_scale = 7;
  } else if (sack_ok_) {
    for (const auto& [offset, bytes] : ahead_) {
      if (r.options.sack_count == 3) break;
      const Seq left = accepted_.back().isn + 1 + static_cast<uint32_t>(offset);
      r.options.sack[r.options.sack_count++] = {left, left + static_cast<uint32_t>(bytes.size())};
    }
  }
  if (lost()) return;
  wire_.push({now_ + kOneWay, ++order_, false, {}, {}, r});
}

// RFC 9293 3.10.7.1: what no connection knows is answered with a reset.
void TestHost::refuse(const wire::TcpHeader& h) {
  wire::HeaderRecord r;
  r.flow = {h.src, h.dst};
  r.flags = kRst;
  r.seq = h.ack;
  if (!lost()) wire_.push({now_ + kOneWay, ++order_, false, {}, {}, r});
}

void TestHost::accept(const wire::TcpHeader& syn) {
  accepted_.push_back({syn.seq, {}, false, false});
  open_ = true;
  flow_ = {syn.src, syn.dst};
  sack_ok_ = syn.options.sack_permitted;
  scale_ok_ = syn.options.window_scale.has_value();
  timestamps_ok_ = syn.options.timestamps.has_value();
  ts_recent_ = timestamps_ok_ ? syn.options.timestamps->value : 0;
  received_ = answer_end_ = acked_ = next_ = 0;
  ahead_.clear();
  fin_at_.reset();
  fin_received_ = answer_fin_ = false;
  resend_at_ = kNever;
  // Near the wrap, and another for each connection.
  iss_ = Seq(0xffffff00U + static_cast<uint32_t>(accepted_.size()) * 70'001U);
  // Answers to what was before this connection are not given again.
  next_answer_ = 0;
  const Seq start = syn.seq + 1;
  while (next_answer_ < answers_.size() && answers_[next_answer_].after.before(start))
    ++next_answer_;
  reply(kSyn | kAck, iss_, 0);
}

void TestHost::on_packet(const wire::TcpHeader& h, const std::vector<uint8_t>& payload) {
  if (h.has(kSyn)) {
    if (open_ && accepted_.back().isn == h.seq) {
      reply(kSyn | kAck, iss_, 0);
    } else {
      accept(h);
    }
    return;
  }
  if (!open_) {
    if (!h.has(kRst)) refuse(h);
    return;
  }
  if (h.has(kRst)) {
    open_ = false;
    resend_at_ = kNever;
    accepted_.back().reset = true;
    return;
  }
  const int64_t ack = wire::unwrap(h.ack, iss_ + 1, acked_);
  if (ack > acked_ && ack <= next_) {
    acked_ = ack;
    resend_at_ = acked_ < next_ ? now_ + kResend : kNever;
  }
  take_data(h, payload);
  answer();
  // Closed both ways, it stays in TIME-WAIT: a FIN that comes again is acked again.
}

void TestHost::take_data(const wire::TcpHeader& h, const std::vector<uint8_t>& payload) {
  const Seq zero = accepted_.back().isn + 1;
  const int64_t offset = wire::unwrap(h.seq, zero, received_);
  const auto size = static_cast<int64_t>(payload.size());
  if (timestamps_ok_ && h.options.timestamps) ts_recent_ = h.options.timestamps->value;
  if (h.has(kFin)) fin_at_ = offset + size;
  if (size > 0) ahead_.try_emplace(offset, payload);
  for (auto first = ahead_.begin(); first != ahead_.end() && first->first <= received_;
       first = ahead_.erase(first)) {
    const auto& bytes = first->second;
    const int64_t known = received_ - first->first;
    if (known >= static_cast<int64_t>(bytes.size())) continue;
    accepted_.back().bytes.insert(accepted_.back().bytes.end(),
                                  bytes.begin() + static_cast<std::ptrdiff_t>(known), bytes.end());
    received_ = first->first + static_cast<int64_t>(bytes.size());
  }
  if (fin_at_ == received_) accepted_.back().fin = fin_received_ = true;
  if (size > 0 || h.has(kFin) || offset < received_) {
    reply(kAck, iss_ + 1 + static_cast<uint32_t>(next_), 0);
  }
}

void TestHost::answer() {
  const Seq at =
      accepted_.back().isn + 1 + static_cast<uint32_t>(received_) + (fin_received_ ? 1U : 0U);
  while (next_answer_ < answers_.size() && !answer_fin_ &&
         answers_[next_answer_].after.at_or_before(at)) {
    const Answer& a = answers_[next_answer_++];
    if (a.rst) {
      reply(kRst | kAck, iss_ + 1 + static_cast<uint32_t>(answer_end_), 0);
      open_ = false;
      resend_at_ = kNever;
      return;
    }
    answer_end_ += a.bytes;
    answer_fin_ = a.fin;
  }
  send_from(next_);
}

void TestHost::send_from(int64_t offset) {
  const int64_t end = answer_end_ + (answer_fin_ ? 1 : 0);
  resend_at_ = kNever;
  while (open_ && offset < end && offset - acked_ < kInFlight) {
    const auto bytes = static_cast<uint32_t>(std::min<int64_t>(kChunk, answer_end_ - offset));
    const bool fin = answer_fin_ && offset + bytes == answer_end_;
    const bool last = offset + bytes == answer_end_;
    reply(static_cast<uint8_t>(kAck | (last ? kPsh : 0) | (fin ? kFin : 0)),
          iss_ + 1 + static_cast<uint32_t>(offset), bytes);
    offset += bytes + (fin ? 1 : 0);
    next_ = std::max(next_, offset);
  }
  if (open_ && acked_ < next_) resend_at_ = now_ + kResend;
}

}  // namespace mirrorlab::testing
