// One end of a TCP connection in virtual time: the simulator's own stack, which shares nothing with
// the engine but src/wire.
//
// Sources: RFC 9293 (states, windows), 5681 and 6675 (loss), 6298 (RTO), 7323 (scale, timestamps),
// 2018 (SACK), 5961 (challenge acks). Offsets are those of a stream: 0 is the byte after the SYN.
// Sans I/O: packets and time go in, packets and received bytes come out through TcpUser.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/interval_set.h"
#include "sim/reassembly.h"
#include "sim/tcp_settings.h"
#include "wire/packet.h"

namespace mirrorlab::sim {

enum class TcpState : uint8_t {
  closed,
  syn_sent,
  syn_received,
  established,
  fin_wait_1,
  fin_wait_2,
  closing,
  time_wait,
  close_wait,
  last_ack,
};
[[nodiscard]] const char* to_string(TcpState state);

class TcpUser {
 public:
  virtual ~TcpUser() = default;
  virtual void send_packet(const wire::TcpHeader& header, wire::Bytes payload) = 0;
  // In stream order, each byte once.
  virtual void received(int64_t offset, wire::Bytes data) = 0;
};

class TcpEndpoint {
 public:
  TcpEndpoint(const TcpSettings& settings, const wire::FlowKey& local_to_remote, wire::Seq isn,
              TcpUser& user);

  void connect(Nanos now);
  // Takes a SYN: the passive open.
  void accept(const wire::TcpHeader& syn, wire::Bytes data, Nanos now);
  void on_segment(const wire::TcpHeader& header, wire::Bytes data, Nanos now);
  void on_timer(Nanos now);
  [[nodiscard]] Nanos deadline() const;

  // Queues bytes; returns how many fitted. Call push() after the last write of a turn.
  size_t write(wire::Bytes data, Nanos now);
  [[nodiscard]] size_t send_space() const;
  // Takes `bytes` received ones out of the buffer, so that the window opens.
  void read(uint32_t bytes, Nanos now);
  [[nodiscard]] uint32_t unread() const { return unread_; }
  // Half close: FIN after what was written.
  void shutdown_write(Nanos now);
  // Full close: as shutdown_write, and data that still arrives is answered by RST.
  void close(Nanos now);
  // RST now.
  void abort(Nanos now);

  [[nodiscard]] TcpState state() const { return state_; }
  [[nodiscard]] bool peer_finished() const { return fin_received_; }
  [[nodiscard]] bool was_reset() const { return was_reset_; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  [[nodiscard]] const wire::FlowKey& flow() const { return flow_; }
  [[nodiscard]] wire::Seq isn() const { return snd_zero_ - 1; }
  [[nodiscard]] int64_t received_end() const { return rcv_nxt_; }
  [[nodiscard]] int64_t acked_end() const { return snd_una_; }
  [[nodiscard]] int64_t written_end() const {
    return buffer_base_ + static_cast<int64_t>(buffered());
  }
  // Was the window ever open as far as these bytes reach?
  [[nodiscard]] bool window_reaches(const wire::TcpHeader& header, size_t length) const {
    return wire::unwrap(header.seq, rcv_zero_, rcv_nxt_) + static_cast<int64_t>(length) <=
           rcv_edge_;
  }
  // RFC 9293 3.10.7.1 and Linux: may this SYN end the connection in TIME-WAIT?
  [[nodiscard]] bool may_be_reused_by(const wire::TcpHeader& syn) const;

 private:
  // Input.
  void on_segment_syn_sent(const wire::TcpHeader& h, wire::Bytes data, Nanos now);
  bool acceptable(int64_t left, int64_t right) const;
  bool old_timestamp(const wire::TcpHeader& h) const;
  bool take_ack(const wire::TcpHeader& h, uint32_t length, Nanos now);
  void take_data(int64_t left, wire::Bytes data, bool fin, Nanos now);
  void take_fin(Nanos now);
  void take_syn_options(const wire::TcpHeader& syn);
  void become_closed();
  void enter_time_wait(Nanos now);
  // Loss recovery.
  void on_new_ack(int64_t ack, Nanos now);
  void on_duplicate_ack(Nanos now);
  void take_sack(const wire::TcpOptions& options);
  void enter_recovery(Nanos now);
  void recover_more(Nanos now);
  void on_rto(Nanos now);
  void add_rtt(Nanos sample);
  [[nodiscard]] Nanos rto() const;
  void arm_rtx(Nanos now) { rtx_at_ = now + rto(); }
  [[nodiscard]] int64_t pipe() const;
  // Output.
  void output(Nanos now);
  uint32_t send_range(int64_t from, uint32_t length, Nanos now);
  void send_flags(uint8_t flags, int64_t at, Nanos now, wire::Bytes data = {});
  void send_ack(Nanos now) { send_flags(wire::tcp_flag::kAck, snd_max_, now); }
  void send_syn(Nanos now);
  void emit(wire::TcpHeader& h, wire::Bytes data, Nanos now);
  [[nodiscard]] uint16_t advertise();
  [[nodiscard]] size_t buffered() const { return buffer_.size() - buffer_head_; }
  [[nodiscard]] bool fin_sent() const { return finishing_ && snd_max_ > written_end(); }
  [[nodiscard]] int64_t unwrap_ack(wire::Seq ack) const {
    return wire::unwrap(ack, snd_zero_, snd_una_);
  }
  [[nodiscard]] bool synchronised() const {
    return state_ != TcpState::closed && state_ != TcpState::syn_sent;
  }

  TcpSettings settings_;
  wire::FlowKey flow_;  // client: this end
  TcpUser& user_;
  TcpState state_ = TcpState::closed;
  bool was_reset_ = false, timed_out_ = false;
  bool scale_on_ = false, sack_on_ = false, timestamps_on_ = false;
  uint8_t snd_scale_ = 0, rcv_scale_ = 0;
  uint16_t mss_ = 536;

  // Sending. The buffer holds [buffer_base_, written_end()).
  wire::Seq snd_zero_;
  std::vector<uint8_t> buffer_;
  size_t buffer_head_ = 0;
  int64_t buffer_base_ = 0;
  int64_t snd_una_ = -1, snd_nxt_ = -1, snd_max_ = -1;
  uint32_t snd_wnd_ = 0, max_wnd_ = 0;
  int64_t wl1_ = 0, wl2_ = -1;
  bool finishing_ = false;  // the user closed for writing
  bool full_close_ = false;
  uint32_t cwnd_ = 0, ssthresh_ = UINT32_MAX / 2;
  bool in_recovery_ = false;
  int64_t recover_ = -1, high_rxt_ = 0;
  uint8_t dup_acks_ = 0, backoff_ = 0;
  IntervalSet sacked_;
  int64_t srtt_ = 0, rttvar_ = 0;
  int64_t timed_ = -1;  // offset whose ack gives a round-trip sample
  Nanos timed_at_ = 0;

  // Receiving.
  wire::Seq rcv_zero_;
  int64_t rcv_nxt_ = 0;   // counts the FIN once received
  int64_t rcv_edge_ = 0;  // right edge of the window advertised
  int64_t ack_sent_ = 0;
  uint32_t unread_ = 0;
  bool fin_received_ = false;
  int64_t fin_offset_ = -1;  // of a FIN that waits for data before it
  Reassembly reassembly_;
  uint32_t ts_recent_ = 0;
  uint8_t unacked_segments_ = 0;
  uint64_t segments_seen_ = 0;

  Nanos rtx_at_ = kNever;  // RTO or persist
  Nanos ack_at_ = kNever;
  Nanos state_at_ = kNever;  // TIME-WAIT, FIN-WAIT-2
  Nanos challenge_at_ = 0;   // before it no packet without data is answered as unacceptable
  Nanos keepalive_at_ = kNever;
  uint8_t keepalives_left_ = 5;
};

}  // namespace mirrorlab::sim
