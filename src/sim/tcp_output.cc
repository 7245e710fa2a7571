// What a connection sends, and when.
#include <algorithm>

#include "sim/tcp_endpoint.h"

namespace mirrorlab::sim {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

uint16_t TcpEndpoint::advertise() {
  int64_t room = int64_t{settings_.receive_buffer} - unread_;
  int64_t edge = rcv_nxt_ + std::max<int64_t>(room, 0);
  // Silly window avoidance: a small step is not told.
  const int64_t step = std::min<int64_t>(settings_.receive_buffer / 2, mss_);
  if (edge - rcv_edge_ < step) edge = rcv_edge_;
  // The edge never moves back (RFC 9293 3.8.6.2.1).
  edge = std::max(edge, rcv_edge_);
  const int64_t unit = int64_t{1} << rcv_scale_;
  int64_t units = (edge - rcv_nxt_ + (edge == rcv_edge_ ? unit - 1 : 0)) >> rcv_scale_;
  units = std::clamp<int64_t>(units, 0, 0xffff);
  rcv_edge_ = std::max(rcv_edge_, rcv_nxt_ + units * unit);
  return static_cast<uint16_t>(units);
}

void TcpEndpoint::emit(wire::TcpHeader& h, wire::Bytes data, Nanos now) {
  h.src = flow_.client;
  h.dst = flow_.server;
  if (timestamps_on_ && !h.has(kRst)) {
    h.options.timestamps = {settings_.timestamp_base + static_cast<uint32_t>(now / kMillisecond),
                            ts_recent_};
  }
  if (synchronised() && h.has(kAck)) h.ack = wire::wrap(rcv_nxt_, rcv_zero_);
  if (synchronised() && state_ != TcpState::syn_received) {
    h.window = advertise();
    if (sack_on_ && !reassembly_.empty() && !h.has(kRst)) {
      const size_t room = timestamps_on_ ? 3 : 4;
      for (const Interval& block : reassembly_.blocks()) {
        if (h.options.sack_count >= room) break;
        h.options.sack[h.options.sack_count++] = {wire::wrap(block.left, rcv_zero_),
                                                  wire::wrap(block.right, rcv_zero_)};
      }
    }
    ack_sent_ = rcv_nxt_;
    ack_at_ = kNever;
    unacked_segments_ = 0;
  }
  user_.send_packet(h, data);
}

void TcpEndpoint::send_syn(Nanos now) {
  wire::TcpHeader h;
  const bool active = state_ == TcpState::syn_sent;
  h.seq = snd_zero_ - 1;
  h.flags = active ? kSyn : static_cast<uint8_t>(kSyn | kAck);
  h.window = static_cast<uint16_t>(std::min<uint32_t>(settings_.receive_buffer, 0xffff));
  rcv_edge_ = std::max(rcv_edge_, rcv_nxt_ + h.window);
  if (settings_.mss != 0) h.options.mss = settings_.mss;
  if (active ? settings_.window_scale >= 0 : scale_on_) {
    h.options.window_scale = static_cast<uint8_t>(settings_.window_scale);
  }
  h.options.sack_permitted = active ? settings_.sack : sack_on_;
  if (active && settings_.timestamps) {
    h.options.timestamps = {settings_.timestamp_base + static_cast<uint32_t>(now / kMillisecond),
                            0};
  }
  emit(h, {}, now);
}

void TcpEndpoint::send_flags(uint8_t flags, int64_t at, Nanos now, wire::Bytes data) {
  wire::TcpHeader h;
  h.seq = wire::wrap(at, snd_zero_);
  h.flags = flags;
  emit(h, data, now);
}

// Sends [from, from + length) of the buffer, with the FIN when that is where it ends.
uint32_t TcpEndpoint::send_range(int64_t from, uint32_t length, Nanos now) {
  const int64_t end = written_end();
  const auto held = static_cast<uint32_t>(std::clamp<int64_t>(end - from, 0, length));
  const bool last = from + held == end;
  wire::TcpHeader h;
  h.seq = wire::wrap(from, snd_zero_);
  h.flags = kAck;
  if (last && held > 0) h.flags |= kPsh;
  const bool fin = last && finishing_;
  if (fin) h.flags |= kFin;
  const uint32_t taken = held + (fin ? 1U : 0U);
  const int64_t right = from + taken;
  if (from < snd_max_) {
    timed_ = -1;  // Karn: an ack after a retransmission says nothing of the round trip
  } else if (timed_ < 0) {
    timed_ = right;
    timed_at_ = now;
  }
  snd_max_ = std::max(snd_max_, right);
  const uint8_t* data = buffer_.data() + buffer_head_ + (from - buffer_base_);
  emit(h, held > 0 ? wire::Bytes(data, held) : wire::Bytes(), now);
  if (rtx_at_ == kNever) arm_rtx(now);
  if (fin) {
    if (state_ == TcpState::established) state_ = TcpState::fin_wait_1;
    if (state_ == TcpState::close_wait) state_ = TcpState::last_ack;
  }
  return taken;
}

void TcpEndpoint::output(Nanos now) {
  if (!synchronised() || state_ == TcpState::syn_received || state_ == TcpState::time_wait) return;
  for (;;) {
    // After a time-out what the peer holds is not sent again.
    snd_nxt_ = std::max(snd_nxt_, snd_una_);
    if (snd_nxt_ < snd_max_) snd_nxt_ = std::min(sacked_.first_gap(snd_nxt_), snd_max_);
    const int64_t end = written_end();
    const int64_t left = end - snd_nxt_;
    const bool fin_due = finishing_ && snd_nxt_ <= end;
    if (left <= 0 && !fin_due) return;
    const int64_t window = snd_una_ + snd_wnd_ - snd_nxt_;
    const int64_t congestion =
        int64_t{cwnd_} - (snd_nxt_ < snd_max_ ? snd_nxt_ - snd_una_ : pipe());
    int64_t room = std::min(window, congestion);
    if (snd_nxt_ == snd_una_ && cwnd_ > 0) room = std::min<int64_t>(window, cwnd_);
    const int64_t whole = std::min<int64_t>(left, mss_);
    const bool in_flight = snd_nxt_ > snd_una_;
    if (left > 0) {
      if (room <= 0 || (room < whole && in_flight)) {
        if (window <= 0 && !in_flight && rtx_at_ == kNever) arm_rtx(now);  // persist
        return;
      }
      if (settings_.nagle && in_flight && left < mss_ && !finishing_ && snd_nxt_ == snd_max_)
        return;
    } else if (window < 0 && in_flight) {
      return;
    }
    int64_t length = std::min<int64_t>({left, room, int64_t{mss_} * settings_.super_packet});
    if (length > mss_ && length < left) length -= length % mss_;
    snd_nxt_ += send_range(snd_nxt_, static_cast<uint32_t>(std::max<int64_t>(length, 0)), now);
  }
}

}  // namespace mirrorlab::sim
