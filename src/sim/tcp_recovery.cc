// Loss and round-trip time: RFC 5681, 6298, 6582 and 6675.
#include <algorithm>

#include "sim/tcp_endpoint.h"

namespace mirrorlab::sim {

namespace {
constexpr uint8_t kDupThresh = 3;
}

Nanos TcpEndpoint::rto() const {
  Nanos base = settings_.syn_rto;
  if (srtt_ != 0) base = std::max(settings_.rto_min, srtt_ + std::max(kMillisecond, 4 * rttvar_));
  return std::min(base << std::min<uint8_t>(backoff_, 6), 16 * kSecond);
}

void TcpEndpoint::add_rtt(Nanos sample) {
  sample = std::max<Nanos>(sample, 1);
  if (srtt_ == 0) {
    srtt_ = sample;
    rttvar_ = sample / 2;
    return;
  }
  rttvar_ = (3 * rttvar_ + std::abs(srtt_ - sample)) / 4;
  srtt_ = (7 * srtt_ + sample) / 8;
}

int64_t TcpEndpoint::pipe() const {
  if (!in_recovery_ || !sack_on_ || sacked_.empty()) return snd_max_ - snd_una_;
  const int64_t high = std::max(sacked_.end(), snd_una_);
  const int64_t again = std::clamp(high_rxt_, snd_una_, high);
  return snd_max_ - high + (again - snd_una_ - sacked_.size_within(snd_una_, again));
}

void TcpEndpoint::take_sack(const wire::TcpOptions& options) {
  if (!sack_on_) return;
  for (uint8_t i = 0; i < options.sack_count; ++i) {
    const int64_t left = unwrap_ack(options.sack[i].left);
    const int64_t right = unwrap_ack(options.sack[i].right);
    if (left < snd_una_ || right > snd_max_) continue;  // also a duplicate SACK (RFC 2883)
    sacked_.add(left, right);
  }
}

void TcpEndpoint::on_new_ack(int64_t ack, Nanos now) {
  const auto acked = static_cast<uint32_t>(ack - snd_una_);
  if (timed_ >= 0 && ack >= timed_) {
    add_rtt(now - timed_at_);
    timed_ = -1;
  }
  snd_una_ = ack;
  snd_nxt_ = std::max(snd_nxt_, ack);
  const int64_t drop = std::min(ack, written_end()) - buffer_base_;
  if (drop > 0) {
    buffer_head_ += static_cast<size_t>(drop);
    buffer_base_ += drop;
  }
  sacked_.remove_below(ack);
  dup_acks_ = 0;
  backoff_ = 0;
  if (in_recovery_) {
    if (ack >= recover_) {
      in_recovery_ = false;
      cwnd_ = std::max<uint32_t>(ssthresh_, mss_);
    } else {
      recover_more(now);
    }
  } else if (cwnd_ < ssthresh_) {
    cwnd_ += std::min<uint32_t>(acked, 2U * mss_);
  } else {
    cwnd_ += std::max<uint32_t>(1, uint32_t{mss_} * std::min<uint32_t>(acked, mss_) / cwnd_);
  }
  cwnd_ = std::min<uint32_t>(cwnd_, 16U << 20U);
  if (snd_una_ == snd_max_) {
    rtx_at_ = kNever;
  } else {
    arm_rtx(now);
  }
}

void TcpEndpoint::on_duplicate_ack(Nanos now) {
  if (dup_acks_ < 255) ++dup_acks_;
  if (in_recovery_) {
    if (!sack_on_) cwnd_ += mss_;
    recover_more(now);
    return;
  }
  const bool by_sack = sack_on_ && sacked_.size() > (kDupThresh - 1) * int64_t{mss_};
  // RFC 6582: not for the duplicates that an earlier recovery caused.
  if ((dup_acks_ >= kDupThresh || by_sack) && snd_una_ > recover_) enter_recovery(now);
}

void TcpEndpoint::enter_recovery(Nanos now) {
  in_recovery_ = true;
  recover_ = snd_max_;
  ssthresh_ = std::max<uint32_t>(static_cast<uint32_t>(snd_max_ - snd_una_) / 2, 2U * mss_);
  cwnd_ = ssthresh_ + (sack_on_ ? 0U : kDupThresh * mss_);
  high_rxt_ = snd_una_;
  const uint32_t sent = send_range(snd_una_, mss_, now);
  high_rxt_ = snd_una_ + sent;
  arm_rtx(now);
}

void TcpEndpoint::recover_more(Nanos now) {
  if (!sack_on_ || sacked_.empty()) {
    // NewReno: a partial ack shows the next hole.
    if (dup_acks_ == 0) {
      const uint32_t sent = send_range(snd_una_, mss_, now);
      high_rxt_ = snd_una_ + sent;
    }
    return;
  }
  while (pipe() < int64_t{cwnd_}) {
    const int64_t from = sacked_.first_gap(std::max(high_rxt_, snd_una_));
    if (from >= sacked_.end()) return;
    int64_t room = mss_;
    for (const Interval& part : sacked_.parts()) {
      if (part.left > from) {
        room = std::min(room, part.left - from);
        break;
      }
    }
    high_rxt_ = from + send_range(from, static_cast<uint32_t>(room), now);
  }
}

void TcpEndpoint::on_rto(Nanos now) {
  rtx_at_ = kNever;
  if (snd_una_ == snd_max_ && written_end() <= snd_una_ && !finishing_) return;
  if (++backoff_ > settings_.retries) {
    timed_out_ = true;
    become_closed();
    return;
  }
  timed_ = -1;
  if (state_ == TcpState::syn_sent || state_ == TcpState::syn_received) {
    send_syn(now);
    arm_rtx(now);
    return;
  }
  if (snd_una_ == snd_max_) {  // persist timer
    if (snd_wnd_ == 0 && written_end() > snd_una_) {
      if (settings_.probe_with_data) {
        snd_nxt_ = snd_una_ + send_range(snd_una_, 1, now);
      } else {
        send_flags(wire::tcp_flag::kAck, snd_una_ - 1, now);
      }
      arm_rtx(now);
      return;
    }
    output(now);
    return;
  }
  if (!in_recovery_ || backoff_ == 1) {
    ssthresh_ = std::max<uint32_t>(static_cast<uint32_t>(snd_max_ - snd_una_) / 2, 2U * mss_);
  }
  in_recovery_ = false;
  recover_ = snd_max_;
  dup_acks_ = 0;
  cwnd_ = mss_;
  sacked_.clear();  // RFC 2018 section 8: the peer may have forgotten
  snd_nxt_ = snd_una_;
  const bool closed_window = snd_wnd_ == 0;
  if (closed_window) {
    // A probe that was sent with data is a segment in flight; it is sent again, alone.
    snd_nxt_ += send_range(snd_una_, 1, now);
  } else {
    output(now);
    if (snd_nxt_ == snd_una_) snd_nxt_ += send_range(snd_una_, 1, now);
  }
  arm_rtx(now);
}

}  // namespace mirrorlab::sim
