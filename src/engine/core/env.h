// What the rules of one core share: configuration, sink, account, pools and the link's state.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/core/account.h"
#include "engine/core/config.h"
#include "engine/core/pool.h"
#include "engine/core/segment.h"
#include "engine/core/session.h"
#include "engine/core/sink.h"

namespace mirrorlab::engine {

// The header return from one test endpoint.
struct LinkState {
  bool up = true;
  // Silence counts from here: before, the test host's records may have been on their way.
  Nanos silence_from = 0;
};

struct Env {
  const Config& config;
  Sink& sink;
  Account account;
  Counters counters;
  ObjectPool<Segment> segments;
  BufferPool buffers;
  ObjectPool<Work> works;
  uint64_t buffered = 0;         // sum of Session::buffered
  std::vector<LinkState> links;  // by mapping
  int64_t packet_mark = 0;       // answer bytes that the captured packet at hand acks
  Nanos loss_seen_at = kNever;   // latest sign that the test host's packets get lost or overtaken
  Nanos capture_lost_at = -1;    // the capture is known to have lost packets before this

  [[nodiscard]] bool link_up(const Session& s) const { return links[s.mapping].up; }
  [[nodiscard]] Nanos silence_counts_from(const Session& s) const {
    return links[s.mapping].silence_from;
  }
  // A client that was not heard of since the capture lost packets: its last ones may be among them.
  [[nodiscard]] bool end_may_be_missed(const Session& s) const {
    if (s.stream_complete || capture_lost_at < 0) return false;
    // An ack beyond what was captured: of an answer to what was missed, or of the other side's FIN.
    return s.client_at <= capture_lost_at ||
           wire::unwrap(s.client_seen, s.zero, s.client_next) > s.client_next;
  }
  [[nodiscard]] wire::FlowKey mirrored_flow(const Session& s) const {
    return {s.client, config.mappings[s.mapping].test};
  }
};

// The session's work, to write to it.
inline Work& work_of(Env& env, Session& s) {
  if (!s.has_work()) s.work = env.works.take();
  return *s.work;
}
// Gives it back when nothing is under way any more.
inline void rest(Env& env, Session& s) {
  const Work& w = *s.work;
  if (!s.has_work() || !w.queue.empty() || !w.out_of_order.empty() || s.rcv_ranges != 0) return;
  if (std::min({w.rto_at, w.probe_at, w.turn_at, w.ack_at}) != kNever) return;
  env.works.give_back(s.work);
  s.work = Session{}.work;
}

// Every segment counts with its own size, so that floods of tiny ones are bounded too.
inline constexpr uint64_t kSegmentOverhead = sizeof(Segment) + 64;

inline uint64_t segment_cost(const Segment& segment) { return segment.length + kSegmentOverhead; }

// Frees a segment; its bytes must have been booked before.
inline void free_segment(Env& env, Session& s, Segment* segment) {
  s.work->buffered -= segment_cost(*segment);
  env.buffered -= segment_cost(*segment);
  if (segment->buffer != nullptr) env.buffers.release(segment->buffer);
  env.segments.give_back(segment);
}

// Books `bytes` of pending stream as lost. The first reason is the session's.
inline void book_lost(Env& env, Session& s, uint64_t bytes, LossReason reason) {
  if (s.first_loss == LossReason::none) s.first_loss = reason;
  s.bytes_lost += bytes;
  env.account.bytes_pending -= bytes;
  env.account.bytes_lost[static_cast<size_t>(reason)] += bytes;
}
inline void book_captured(Env& env, Session& s, uint64_t bytes) {
  s.bytes_captured += bytes;
  env.account.bytes_captured += bytes;
  env.account.bytes_pending += bytes;
}
// Captured bytes that turned out to be no part of the stream.
inline void book_not_stream(Env& env, Session& s, uint64_t bytes) {
  s.bytes_captured -= bytes;
  env.account.bytes_captured -= bytes;
  env.account.bytes_pending -= bytes;
}
inline void book_mirrored(Env& env, Session& s, uint64_t bytes) {
  s.bytes_mirrored += bytes;
  env.account.bytes_pending -= bytes;
  env.account.bytes_mirrored += bytes;
}

}  // namespace mirrorlab::engine
