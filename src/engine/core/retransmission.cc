#include "engine/core/retransmission.h"

#include <algorithm>

#include "engine/core/congestion.h"
#include "engine/core/emit.h"
#include "engine/core/rtt.h"
#include "engine/core/scoreboard.h"
#include "engine/core/sender.h"

namespace mirrorlab::engine {

namespace {
constexpr uint8_t kMaxBackoff = 16;
constexpr Nanos kMinProbe = 10 * kMillisecond;
// A single segment may meet the test host's delayed ack, but an answer carries it far sooner.
constexpr Nanos kSingleProbe = 50 * kMillisecond;

// Once per flight, and not while recovery is under way.
void arm_probe(Session& s, Nanos now) {
  s.work->probe_at = kNever;
  if (!s.work->queue.in_flight() || s.tlp_sent || s.recovery != Recovery::none || s.backoff != 0 ||
      s.srtt_us == 0) {
    return;
  }
  const bool single = s.work->queue.head->next == s.work->queue.next_unsent;
  const Nanos at = now + std::max(2 * round_trip(s), kMinProbe) + (single ? kSingleProbe : 0);
  if (at < s.work->rto_at) s.work->probe_at = at;
}

void back_off(Session& s) {
  if (s.backoff < kMaxBackoff) ++s.backoff;
}

void send_tail_loss_probe(Env& env, Session& s, Nanos now) {
  s.tlp_sent = true;
  ++env.counters.tail_loss_probes;
  emit_segment(env, s, *s.work->queue.last_in_flight(), now);
  s.work->rto_at = now + rto(env, s);
}

void time_out(Env& env, Session& s, Nanos now) {
  ++env.counters.rto_expirations;
  s.work->probe_at = kNever;
  if (!env.link_up(s)) {
    // Why: silence says nothing while nobody hears the answer. One segment keeps asking; the state
    // of the path is kept for when the header return is back.
    back_off(s);
    emit_segment(env, s, *s.work->queue.head, now);
  } else {
    enter_timeout_recovery(s, now);
    back_off(s);
    s.dup_acks = 0;
    mark_all_lost(s);
    send_lost(env, s, now);
  }
  s.work->rto_at = now + rto(env, s);
}
}  // namespace

void note_sent(const Env& env, Session& s, Nanos now) {
  if (s.work->rto_at == kNever) s.work->rto_at = now + rto(env, s);
  arm_probe(s, now);
}

void note_progress(const Env& env, Session& s, Nanos now) {
  s.work->rto_at = s.work->queue.in_flight() ? now + rto(env, s) : kNever;
  arm_probe(s, now);
}

void start_persist_timer(const Env& env, Session& s, Nanos now) {
  if (s.work->rto_at == kNever) s.work->rto_at = now + rto(env, s);
  if (s.work->stalled_since == 0) s.work->stalled_since = std::max<Nanos>(now, 1);
}

void fire_retransmission_timers(Env& env, Session& s, Nanos now) {
  if (s.work->probe_at <= now && s.work->rto_at > now) {
    s.work->probe_at = kNever;
    if (s.work->queue.in_flight()) send_tail_loss_probe(env, s, now);
  }
  if (s.work->rto_at > now) return;
  s.work->rto_at = kNever;
  if (s.work->queue.in_flight()) {
    time_out(env, s, now);
  } else if (s.snd_wnd == 0) {
    back_off(s);
    emit_probe(env, s, now);  // output() arms the timer again while the window stays closed
  }
}

void probe_after_outage(Session& s, Nanos now, Nanos spread) {
  s.backoff = 0;
  if (s.connection == Connection::syn_sent || !s.work->queue.in_flight()) {
    if (s.work->rto_at != kNever) s.work->rto_at = now + spread;
    return;
  }
  s.work->probe_at = now + spread;
  s.work->rto_at = std::max(s.work->rto_at, s.work->probe_at + kMillisecond);
}

}  // namespace mirrorlab::engine
