#include "engine/core/emit.h"

#include <algorithm>

#include "engine/core/receiver.h"
#include "engine/core/rtt.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

namespace {
using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

wire::TcpHeader make_header(const Env& env, const Session& s, int64_t offset, uint8_t flags) {
  wire::TcpHeader h;
  h.src = s.client;
  h.dst = env.config.mappings[s.mapping].test;
  h.seq = wire::wrap(offset, s.zero);
  h.flags = flags;
  return h;
}

void give(Env& env, const wire::TcpHeader& h, wire::Bytes payload) {
  ++env.counters.segments_sent;
  env.sink.transmit(h, payload);
}

// Everything but SYN and RST: carries the ack, the window and what else a receiver says.
void give_with_ack(Env& env, Session& s, wire::TcpHeader& h, wire::Bytes payload, Nanos now) {
  const int64_t ack = ack_point(env, s, now);
  note_window(env, s, ack, receive_window_field(env, s, now), now);
  h.ack = wire::wrap(ack, s.irs_next);
  h.window = s.window_sent;
  if (s.timestamps_ok) h.options.timestamps = {own_timestamp(s, now), s.ts_recent};
  if (payload.empty()) write_sack(s, h.options);
  s.ack_due = false;
  if (ack == s.rcv_nxt && s.has_work()) s.work->ack_at = kNever;
  give(env, h, payload);
}
}  // namespace

namespace {
// The window of a SYN is never scaled (RFC 7323 2.2); those of the client's later packets are.
uint16_t syn_window(const Session& s) {
  if (s.client_window == 0) return 0xffff;
  if (!s.answer_zero_known) return s.client_window;
  if (!s.whole) return 0xffff;  // its scale was not seen
  const int scale = s.client_has_scale ? s.client_scale : 0;
  return static_cast<uint16_t>(std::min(uint32_t{s.client_window} << scale, 0xffffU));
}
}  // namespace

void emit_syn(Env& env, Session& s, Nanos now) {
  wire::TcpHeader h = make_header(env, s, s.snd_una - 1, kSyn);
  h.window = syn_window(s);
  // Why: a connection joined in the middle shows only whether timestamps are in use; the other
  // options are those any modern client offers.
  if (s.client_mss != 0) {
    h.options.mss = s.client_mss;
  } else if (!s.whole) {
    h.options.mss = static_cast<uint16_t>(env.config.mtu - (s.client.address.is_v4() ? 40 : 60));
  }
  h.options.sack_permitted = s.client_sack;
  if (s.client_has_scale) h.options.window_scale = s.client_scale;
  if (s.client_timestamps) h.options.timestamps = {own_timestamp(s, now), 0};
  give(env, h, {});
}

void emit_segment(Env& env, Session& s, Segment& segment, Nanos now) {
  uint8_t flags = kAck;
  if (segment.push) flags |= kPsh;
  if (segment.kind == SegmentKind::fin) flags |= kFin;
  wire::TcpHeader h = make_header(env, s, segment.offset, flags);
  segment.sent_at = now;
  if (segment.transmissions < UINT8_MAX) ++segment.transmissions;
  ++env.counters.data_segments_sent;
  if (segment.transmissions > 1) ++env.counters.data_segments_retransmitted;
  give_with_ack(env, s, h, {segment.data, segment.length}, now);
}

void emit_ack(Env& env, Session& s, Nanos now) {
  wire::TcpHeader h = make_header(env, s, s.snd_nxt, kAck);
  ++env.counters.acks_sent;
  give_with_ack(env, s, h, {}, now);
}

void emit_probe(Env& env, Session& s, Nanos now) {
  wire::TcpHeader h = make_header(env, s, s.snd_una - 1, kAck);
  ++env.counters.zero_window_probes;
  give_with_ack(env, s, h, {}, now);
}

void emit_reset(Env& env, Session& s, Nanos) {
  wire::TcpHeader h = make_header(env, s, s.snd_nxt, kRst);
  // Why: before the SYN-ACK there is nothing to ack, and a wrong ack makes the reset void.
  if (s.connection != Connection::syn_sent) {
    h.flags |= kAck;
    h.ack = wire::wrap(s.rcv_nxt, s.irs_next);
  }
  ++env.counters.resets_sent;
  give(env, h, {});
}

void emit_last_fin(Env& env, Session& s, Nanos now) {
  wire::TcpHeader h = make_header(env, s, s.snd_nxt, kFin | kAck);
  give_with_ack(env, s, h, {}, now);
}

void emit_stray_reset(Env& env, const wire::HeaderRecord& r) {
  wire::TcpHeader h;
  h.src = r.flow.client;
  h.dst = r.flow.server;
  if (r.has(kAck)) {
    h.seq = r.ack;
    h.flags = kRst;
  } else {
    h.ack = r.seq + r.payload_length + (r.has(kSyn) ? 1U : 0U) + (r.has(kFin) ? 1U : 0U);
    h.flags = kRst | kAck;
  }
  ++env.counters.resets_sent;
  give(env, h, {});
}

}  // namespace mirrorlab::engine
