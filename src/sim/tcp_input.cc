// What a connection does with a segment: RFC 9293 section 3.10.7, with RFC 5961 and 7323.
#include <algorithm>

#include "sim/random.h"
#include "sim/tcp_endpoint.h"

namespace mirrorlab::sim {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

namespace {
constexpr Nanos kChallengeInterval = 500 * kMillisecond;  // Linux: tcp_invalid_ratelimit
}

void TcpEndpoint::take_syn_options(const wire::TcpHeader& syn) {
  const auto& o = syn.options;
  scale_on_ = settings_.window_scale >= 0 && o.window_scale.has_value();
  snd_scale_ = scale_on_ ? std::min<uint8_t>(*o.window_scale, 14) : 0;
  rcv_scale_ = scale_on_ ? static_cast<uint8_t>(settings_.window_scale) : 0;
  sack_on_ = settings_.sack && o.sack_permitted;
  timestamps_on_ = settings_.timestamps && o.timestamps.has_value();
  if (timestamps_on_) ts_recent_ = o.timestamps->value;
  const bool v4 = flow_.client.address.is_v4();
  const uint16_t offered = std::max<uint16_t>(o.mss.value_or(v4 ? 536 : 1220), 48);
  const uint16_t own = settings_.mss != 0 ? settings_.mss : 1460;
  mss_ = static_cast<uint16_t>(std::min(offered, own) - (timestamps_on_ ? 12 : 0));
  cwnd_ = settings_.initial_window * mss_;
}

void TcpEndpoint::on_segment_syn_sent(const wire::TcpHeader& h, wire::Bytes data, Nanos now) {
  if (h.has(kAck) && h.ack != snd_zero_) {
    if (!h.has(kRst)) {
      wire::TcpHeader rst;
      rst.seq = h.ack;
      rst.flags = kRst;
      emit(rst, {}, now);
    }
    return;
  }
  if (h.has(kRst)) {
    if (h.has(kAck)) {
      was_reset_ = true;
      become_closed();
    }
    return;
  }
  if (!h.has(kSyn)) return;
  rcv_zero_ = h.seq + 1;
  take_syn_options(h);
  snd_wnd_ = max_wnd_ = h.window;
  if (!h.has(kAck)) {  // simultaneous open
    state_ = TcpState::syn_received;
    send_syn(now);
    return;
  }
  state_ = TcpState::established;
  snd_una_ = 0;
  if (backoff_ == 0) add_rtt(settings_.syn_rto - (rtx_at_ - now));
  backoff_ = 0;
  rtx_at_ = kNever;
  wl1_ = 0;
  wl2_ = 0;
  if (settings_.keepalive != kNever) keepalive_at_ = now + settings_.keepalive;
  (void)data;
  // The ack of the SYN-ACK rides on data when there is some.
  const int64_t before = snd_max_;
  output(now);
  if (snd_max_ == before) send_ack(now);
}

bool TcpEndpoint::acceptable(int64_t left, int64_t right) const {
  const int64_t edge = std::max(rcv_edge_, rcv_nxt_);
  if (left == right) return left >= rcv_nxt_ && left <= edge;
  return right > rcv_nxt_ && left < std::max(edge, rcv_nxt_ + 1) && (edge > rcv_nxt_);
}

bool TcpEndpoint::old_timestamp(const wire::TcpHeader& h) const {
  return timestamps_on_ && h.options.timestamps && !h.has(kRst) &&
         static_cast<int32_t>(h.options.timestamps->value - ts_recent_) < 0;
}

void TcpEndpoint::on_segment(const wire::TcpHeader& h, wire::Bytes data, Nanos now) {
  if (state_ == TcpState::closed) return;
  if (state_ == TcpState::syn_sent) {
    on_segment_syn_sent(h, data, now);
    return;
  }
  if (settings_.keepalive != kNever && keepalives_left_ > 0)
    keepalive_at_ = now + settings_.keepalive;
  const int64_t left = wire::unwrap(h.seq, rcv_zero_, rcv_nxt_);
  const int64_t right = left + static_cast<int64_t>(data.size()) + (h.has(kFin) ? 1 : 0);
  if (state_ == TcpState::syn_received && h.has(kSyn) && !h.has(kAck) && left == -1) {
    send_syn(now);
    return;
  }
  if (old_timestamp(h)) {
    send_ack(now);
    return;
  }
  if (!acceptable(left, right)) {
    if (h.has(kRst)) return;
    // A window probe or an ack that crossed our window still moves what was sent.
    if (h.has(kAck) && left == rcv_nxt_ && !h.has(kSyn)) {
      if (!take_ack(h, static_cast<uint32_t>(data.size()), now)) return;
    }
    if (state_ == TcpState::time_wait && h.has(kFin)) state_at_ = now + settings_.time_wait;
    // Two ends that both think the other's packets unacceptable would answer each other for ever.
    const bool limited = data.empty() && now < challenge_at_;
    if (state_ != TcpState::closed && !limited) {
      challenge_at_ = now + kChallengeInterval;
      state_ == TcpState::syn_received ? send_syn(now) : send_ack(now);
    }
    output(now);
    return;
  }
  if (h.has(kRst)) {
    // RFC 5961 section 3.2. A reset ends TIME-WAIT as well (Linux without tcp_rfc1337).
    if (left == rcv_nxt_) {
      was_reset_ = true;
      become_closed();
    } else {
      send_ack(now);
    }
    return;
  }
  if (h.has(kSyn)) {  // RFC 5961 section 4.2
    if (now >= challenge_at_) send_ack(now);
    challenge_at_ = now + kChallengeInterval;
    return;
  }
  if (!h.has(kAck)) return;
  if (timestamps_on_ && h.options.timestamps && left <= ack_sent_) {
    ts_recent_ = h.options.timestamps->value;
  }
  if (state_ == TcpState::syn_received) {
    if (unwrap_ack(h.ack) != 0) {
      wire::TcpHeader rst;
      rst.seq = h.ack;
      rst.flags = kRst;
      emit(rst, {}, now);
      return;
    }
    state_ = TcpState::established;
    if (backoff_ == 0) add_rtt(settings_.syn_rto - (rtx_at_ - now));
    backoff_ = 0;
    rtx_at_ = kNever;
    snd_una_ = 0;
    snd_wnd_ = max_wnd_ = uint32_t{h.window} << snd_scale_;
    wl1_ = left;
    wl2_ = 0;
  }
  if (!take_ack(h, static_cast<uint32_t>(data.size()) + (h.has(kFin) ? 1U : 0U), now)) return;
  if (state_ == TcpState::closed) return;
  if (!data.empty() || h.has(kFin)) take_data(left, data, h.has(kFin), now);
  output(now);
}

bool TcpEndpoint::take_ack(const wire::TcpHeader& h, uint32_t length, Nanos now) {
  const int64_t ack = unwrap_ack(h.ack);
  if (ack > snd_max_ || ack < snd_una_ - int64_t{max_wnd_} - 65536) {  // RFC 5961 section 5.2
    if (now >= challenge_at_) send_ack(now);
    challenge_at_ = std::max(challenge_at_, now + kChallengeInterval);
    return false;
  }
  const int64_t left = wire::unwrap(h.seq, rcv_zero_, rcv_nxt_);
  const uint32_t window = uint32_t{h.window} << snd_scale_;
  const bool same_window = window == snd_wnd_;
  if (wl1_ < left || (wl1_ == left && wl2_ <= ack)) {
    const bool opened = snd_wnd_ == 0 && window > 0;
    snd_wnd_ = window;
    max_wnd_ = std::max(max_wnd_, window);
    wl1_ = left;
    wl2_ = ack;
    if (opened && snd_una_ == snd_max_) {
      rtx_at_ = kNever;
      backoff_ = 0;
    }
  }
  take_sack(h.options);
  if (ack > snd_una_) {
    on_new_ack(ack, now);
  } else if (ack == snd_una_ && length == 0 && same_window && snd_max_ > snd_una_) {
    on_duplicate_ack(now);
  }
  if (snd_wnd_ == 0 && backoff_ > 1) backoff_ = backoff_ / 2;  // it lives
  if (!(finishing_ && fin_sent() && snd_una_ > written_end())) return true;
  switch (state_) {  // our FIN is acked
    case TcpState::fin_wait_1:
      state_ = TcpState::fin_wait_2;
      if (full_close_) state_at_ = now + settings_.fin_wait_2;
      break;
    case TcpState::closing:
      enter_time_wait(now);
      break;
    case TcpState::last_ack:
      become_closed();
      break;
    default:
      break;
  }
  return true;
}

void TcpEndpoint::take_data(int64_t left, wire::Bytes data, bool fin, Nanos now) {
  if (state_ == TcpState::time_wait && fin) {
    send_ack(now);
    state_at_ = now + settings_.time_wait;
    return;
  }
  if (fin_received_) return;
  if (full_close_ && !data.empty() && left + static_cast<int64_t>(data.size()) > rcv_nxt_) {
    abort(now);  // Linux: data for a socket nobody reads any more
    return;
  }
  const int64_t fin_at = left + static_cast<int64_t>(data.size());
  if (left < rcv_nxt_) {
    const auto known = std::min<size_t>(data.size(), static_cast<size_t>(rcv_nxt_ - left));
    data = data.subspan(known);
    left += static_cast<int64_t>(known);
  }
  // Beyond the window: a probe, or a peer that was told less meanwhile.
  const int64_t room = std::max<int64_t>(rcv_edge_ - left, 0);
  bool cut = static_cast<int64_t>(data.size()) > room;
  if (cut) data = data.first(static_cast<size_t>(room));
  // By what was seen so far, so that the next attempt has another fate.
  if (data.size() > 1 &&
      mix(static_cast<uint64_t>(left), ++segments_seen_) % 100 < settings_.takes_half) {
    data = data.first(data.size() / 2);
    cut = true;
  }
  if (fin && !cut) fin_offset_ = fin_at;
  bool at_once = left > rcv_nxt_ || !reassembly_.empty();
  const int64_t before = rcv_nxt_;
  if (!data.empty()) {
    if (left == rcv_nxt_ && reassembly_.empty()) {
      user_.received(left, data);
      rcv_nxt_ += static_cast<int64_t>(data.size());
    } else {
      reassembly_.keep(left, data);
      rcv_nxt_ = reassembly_.drain(rcv_nxt_,
                                   [&](int64_t at, wire::Bytes part) { user_.received(at, part); });
    }
    unread_ += static_cast<uint32_t>(rcv_nxt_ - before);
  } else if (!fin) {
    at_once = true;
  }
  if (fin_offset_ == rcv_nxt_) {
    take_fin(now);
    return;
  }
  ++unacked_segments_;
  if (rcv_nxt_ - before > mss_) unacked_segments_ = settings_.ack_every;
  if (at_once || settings_.delayed_ack == 0 || unacked_segments_ >= settings_.ack_every ||
      rcv_nxt_ == before) {
    send_ack(now);
  } else if (ack_at_ == kNever) {
    ack_at_ = now + settings_.delayed_ack;
  }
}

void TcpEndpoint::take_fin(Nanos now) {
  ++rcv_nxt_;
  fin_received_ = true;
  rcv_edge_ = std::max(rcv_edge_, rcv_nxt_);
  switch (state_) {
    case TcpState::established:
      state_ = TcpState::close_wait;
      break;
    case TcpState::fin_wait_1:
      state_ = TcpState::closing;
      break;
    case TcpState::fin_wait_2:
      enter_time_wait(now);
      break;
    default:
      break;
  }
  send_ack(now);
}

}  // namespace mirrorlab::sim
