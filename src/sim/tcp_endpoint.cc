// What the user of a connection does: open, write, read, close; and the timers.
#include "sim/tcp_endpoint.h"

#include <algorithm>

namespace mirrorlab::sim {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kRst;

const char* to_string(TcpState state) {
  static constexpr const char* kNames[] = {
      "CLOSED",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
      "FIN-WAIT-2", "CLOSING",  "TIME-WAIT",    "CLOSE-WAIT",  "LAST-ACK"};
  return kNames[static_cast<size_t>(state)];
}

TcpEndpoint::TcpEndpoint(const TcpSettings& settings, const wire::FlowKey& local_to_remote,
                         wire::Seq isn, TcpUser& user)
    : settings_(settings), flow_(local_to_remote), user_(user), snd_zero_(isn + 1) {}

void TcpEndpoint::connect(Nanos now) {
  state_ = TcpState::syn_sent;
  snd_una_ = -1;
  snd_nxt_ = snd_max_ = 0;
  send_syn(now);
  arm_rtx(now);
}

void TcpEndpoint::accept(const wire::TcpHeader& syn, wire::Bytes data, Nanos now) {
  state_ = TcpState::syn_received;
  rcv_zero_ = syn.seq + 1;
  take_syn_options(syn);
  snd_wnd_ = max_wnd_ = syn.window;
  snd_nxt_ = snd_max_ = 0;
  send_syn(now);
  arm_rtx(now);
  (void)data;  // data in a SYN is sent again by a client that got no TFO answer
}

size_t TcpEndpoint::send_space() const {
  if (finishing_ || state_ == TcpState::closed) return 0;
  return settings_.send_buffer - std::min<size_t>(settings_.send_buffer, buffered());
}

size_t TcpEndpoint::write(wire::Bytes data, Nanos now) {
  const size_t taken = std::min(data.size(), send_space());
  // Why: the front is moved only when it is most of the buffer, so that a byte is moved once.
  if (buffer_head_ > 4096 && buffer_head_ > buffer_.size() / 2) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(buffer_head_));
    buffer_head_ = 0;
  }
  buffer_.insert(buffer_.end(), data.begin(), data.begin() + static_cast<ptrdiff_t>(taken));
  output(now);
  return taken;
}

void TcpEndpoint::read(uint32_t bytes, Nanos now) {
  unread_ -= std::min(bytes, unread_);
  if (!synchronised() || fin_received_ || state_ == TcpState::syn_received) return;
  const int64_t edge = rcv_nxt_ + settings_.receive_buffer - unread_;
  // Silly window avoidance (RFC 9293 3.8.6.2.2): tell of a window that grew by something.
  const int64_t step = std::min<int64_t>(settings_.receive_buffer / 2, 2 * int64_t{mss_});
  if (edge - rcv_edge_ >= std::max<int64_t>(step, 1)) send_ack(now);
}

void TcpEndpoint::shutdown_write(Nanos now) {
  if (finishing_ || state_ == TcpState::closed) return;
  finishing_ = true;
  if (state_ == TcpState::syn_sent) {
    become_closed();
    return;
  }
  output(now);
}

void TcpEndpoint::close(Nanos now) {
  // Linux: closing with unread data resets.
  if (unread_ > 0 && synchronised() && !finishing_) {
    abort(now);
    return;
  }
  full_close_ = true;
  shutdown_write(now);
  if (state_ == TcpState::fin_wait_2) state_at_ = now + settings_.fin_wait_2;
}

void TcpEndpoint::abort(Nanos now) {
  if (synchronised() && state_ != TcpState::time_wait) {
    send_flags(static_cast<uint8_t>(kRst | kAck), snd_max_, now);
  }
  become_closed();
}

void TcpEndpoint::become_closed() {
  state_ = TcpState::closed;
  rtx_at_ = ack_at_ = state_at_ = keepalive_at_ = kNever;
}

void TcpEndpoint::enter_time_wait(Nanos now) {
  state_ = TcpState::time_wait;
  rtx_at_ = keepalive_at_ = kNever;
  state_at_ = now + settings_.time_wait;
}

bool TcpEndpoint::may_be_reused_by(const wire::TcpHeader& syn) const {
  if (state_ != TcpState::time_wait) return false;
  if (timestamps_on_ && syn.options.timestamps &&
      static_cast<int32_t>(syn.options.timestamps->value - ts_recent_) > 0) {
    return true;
  }
  return wire::unwrap(syn.seq, rcv_zero_, rcv_nxt_) > rcv_nxt_;
}

Nanos TcpEndpoint::deadline() const {
  return std::min({rtx_at_, ack_at_, state_at_, keepalive_at_});
}

void TcpEndpoint::on_timer(Nanos now) {
  if (state_at_ <= now) {
    become_closed();
    return;
  }
  if (ack_at_ <= now) send_ack(now);
  if (keepalive_at_ <= now) {
    keepalive_at_ = --keepalives_left_ == 0 ? kNever : now + settings_.keepalive;
    if (snd_una_ == snd_max_ && !finishing_ && synchronised()) {
      static constexpr uint8_t kGarbage[1] = {0};
      send_flags(kAck, snd_max_ - 1, now,
                 settings_.keepalive_with_data ? wire::Bytes(kGarbage) : wire::Bytes());
    }
  }
  if (rtx_at_ <= now) on_rto(now);
}

}  // namespace mirrorlab::sim
