#include "soak/far_end.h"

#include <algorithm>

#include "wire/packet.h"
#include "wire/seq.h"

namespace mirrorlab::soak {

using engine::Nanos;
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

void FarEnd::say(uint8_t flags, int64_t offset, uint32_t length, const Reply& reply) const {
  wire::HeaderRecord r;
  r.flow = flow_;
  r.flags = flags;
  r.window = 65535;
  r.seq = (flags & kSyn) != 0 ? iss_ : wire::wrap(offset, iss_ + 1);
  r.ack = wire::wrap(received_ + (fin_received_ ? 1 : 0), isn_ + 1);
  r.payload_length = length;
  if ((flags & kSyn) != 0) {
    r.options.mss = 1460;
    r.options.window_scale = 7;
  }
  reply(r);
}

void FarEnd::take(const wire::TcpHeader& h, wire::Bytes payload, Nanos now, const Reply& reply) {
  if (h.has(kRst)) {
    open_ = false;
    resend_at_ = engine::kNever;
    return;
  }
  if (h.has(kSyn)) {
    if (!open_ || h.seq != isn_) {
      *this = FarEnd(conversation_, flow_);
      open_ = true;
      isn_ = h.seq;
      iss_ = wire::Seq(static_cast<uint32_t>(conversation_.mixed(h.seq.raw())));
    }
    say(kSyn | kAck, 0, 0, reply);
    return;
  }
  if (!open_) return;
  const int64_t acked = wire::unwrap(h.ack, iss_ + 1, acked_);
  if (acked > acked_ && acked <= sent_) {
    acked_ = acked;
    resend_at_ = acked_ < sent_ ? now + kResend : engine::kNever;
  }
  const int64_t offset = wire::unwrap(h.seq, isn_ + 1, received_);
  const int64_t end = offset + static_cast<int64_t>(payload.size());
  for (size_t i = 0; i < payload.size() && wrong_.empty(); ++i) {
    const int64_t at = offset + static_cast<int64_t>(i);
    if (payload[i] != conversation_.byte(at)) {
      wrong_ = flow_.to_string() + ": another byte at " + std::to_string(at);
    }
  }
  const bool fresh = offset <= received_ && end > received_;
  if (fresh) received_ = end;
  const bool fin = h.has(kFin) && end == received_;
  if (fin) fin_received_ = true;
  if (fresh || fin) answer(now, reply);
  // A keep-alive or a repetition is acked too.
  if (!payload.empty() || h.has(kFin)) say(kAck, sent_, 0, reply);
}

void FarEnd::answer(Nanos now, const Reply& reply) {
  while (asked_ + conversation_.request_bytes(answered_) <= received_) {
    asked_ += conversation_.request_bytes(answered_);
    due_ += conversation_.answer_bytes(answered_++);
  }
  if (sent_ < due_ + (fin_received_ ? 1 : 0)) send_from(sent_, now, reply);
}

void FarEnd::send_from(int64_t offset, Nanos now, const Reply& reply) {
  while (offset < due_) {
    const auto length = static_cast<uint32_t>(std::min<int64_t>(due_ - offset, kLargest));
    say(offset + length == due_ ? kAck | kPsh : kAck, offset, length, reply);
    offset += length;
  }
  if (fin_received_ && offset == due_) {
    say(kAck | kFin, offset, 0, reply);
    ++offset;
  }
  sent_ = std::max(sent_, offset);
  resend_at_ = now + kResend;
}

void FarEnd::on_timer(Nanos now, const Reply& reply) {
  resend_at_ = engine::kNever;
  if (open_ && acked_ < sent_) send_from(acked_, now, reply);
}

}  // namespace mirrorlab::soak
