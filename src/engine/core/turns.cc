#include "engine/core/turns.h"

#include <algorithm>

#include "engine/core/rtt.h"

namespace mirrorlab::engine {

namespace {
// Answer positions count the FIN of a host that closed, so that a close is waited for like data.
int64_t answered(const Session& s) { return s.rcv_nxt - s.mark_test; }
int64_t wanted(const Session& s, const Segment& next) { return next.answer_mark - s.mark_online; }

// More came before the last turn than it wanted, and with that it would be enough for `next`:
// either the client had not waited for all of it (pipelining), or the test host's answers are
// longer.
bool enough_with_surplus(const Session& s, const Segment& next) {
  return answered(s) < wanted(s, next) && answered(s) + s.surplus >= wanted(s, next);
}

// A test host that our window held back (AckPolicy::client) was not silent of its own will.
Nanos silent_since(const Session& s) { return std::max(s.answer_at, s.window_opened_at); }

Nanos quiet_time(const Env& env, const Session& s, const Segment& next) {
  const bool known = enough_with_surplus(s, next) ? s.pipelines : s.answers_differ;
  const bool lossy =
      env.loss_seen_at != kNever && s.answer_at < env.loss_seen_at + env.config.loss_memory;
  const Nanos floor = known ? env.config.turn_quiet_floor : env.config.turn_quiet_patience;
  return std::max(round_trip(s), floor + (lossy ? env.config.turn_quiet_repair : 0));
}
}  // namespace

Release turn_release(const Env& env, const Session& s, const Segment& next) {
  if (!env.config.wait_for_answers || !next.turn_start) return {0, ReleaseRule::answered};
  if (next.kind == SegmentKind::gap && !s.took_turn) return {0, ReleaseRule::answered};
  const Nanos think = env.config.pace == Pace::think ? next.think : 0;
  const int64_t want = wanted(s, next);
  const int64_t have = answered(s);
  const bool all_acked = !s.work->queue.in_flight();
  if (have >= want) {
    Nanos at = s.answer_at + think;
    const Nanos floor = std::max(round_trip(s), env.config.turn_quiet_floor);
    // Why the flight: what came before a turn was sent is no answer to it.
    const Nanos asked_at = all_acked ? s.all_acked_at : s.work->queue.last_in_flight()->sent_at;
    const Nanos since = std::max({next.captured_at, asked_at, s.work->enough_at});
    const Nanos silent = std::max(silent_since(s), asked_at);
    if (next.kind == SegmentKind::gap) {
      // Why: how much of the answer belongs to what was sent is not known; it shall have ended.
      at = std::max(at, std::min(silent + floor, since + env.config.turn_hold_limit));
    } else if (have > want && !s.rcv_fin) {
      // What was not acked was not answered, whatever came.
      if (!all_acked) return {};
      // More than the online host had sent by then: either the tail of a longer answer is still on
      // its way, or the client did not wait for all of it. Give the tail a moment, but a test host
      // that never falls quiet cannot hold the client, who has all the answer it waited for.
      at = std::max(at, std::min(silent + floor, since + 10 * floor));
    }
    // Why: whether the last position is the FIN of both hosts, or the answer ended one byte short,
    // an ack cannot tell. What the close released is counted as such.
    return {at, s.rcv_fin && have == want ? ReleaseRule::quiet : ReleaseRule::answered};
  }
  // Why also after a close: a turn that met the test host's FIN on its way gets no answer; once it
  // is acked the next one finds the connection closed and opens another (S8).
  if (!all_acked) return {};
  if (s.rcv_fin) {
    // The test host has closed: no more answer bytes can come.
    return {s.answer_at + think, ReleaseRule::quiet};
  }
  // A test host that still sends is no silent one: a slow answer may take as long as it likes.
  const Nanos since =
      std::max({next.captured_at, s.all_acked_at, s.answer_at, env.silence_counts_from(s)});
  Release release{env.link_up(s) ? since + env.config.turn_hold_limit : kNever,
                  ReleaseRule::timeout};
  const bool answer_bytes = have > 0 || enough_with_surplus(s, next);
  if (answer_bytes && s.last_pushed && s.rcv_ranges == 0 && env.link_up(s)) {
    const Nanos silence = quiet_time(env, s, next);
    const Nanos quiet = std::max(
        s.answer_at + std::max(silence, think),
        std::max({s.window_opened_at, env.silence_counts_from(s), s.all_acked_at}) + silence);
    if (quiet < release.at) release = {quiet, ReleaseRule::quiet};
  }
  return release;
}

void release_turn(Env& env, Session& s, const Segment& next, ReleaseRule rule) {
  if (next.kind == SegmentKind::data) {
    ++s.turns;
    ++env.counters.turns;
  }
  if (!next.turn_start || !env.config.wait_for_answers) return;
  const int64_t want = wanted(s, next);
  const int64_t surplus = answered(s) - want;
  const bool pipelined = rule == ReleaseRule::quiet && enough_with_surplus(s, next);
  if (rule == ReleaseRule::quiet) {
    ++env.counters.turn_released_by_quiet;
    if (pipelined) {
      s.pipelines = true;
    } else {
      s.answers_differ = true;
    }
  } else if (rule == ReleaseRule::timeout) {
    ++env.counters.turn_released_by_timeout;
  }
  // Why: all that was sent is acked and answered, so what has come is the whole answer to it; a
  // position kept by counting would let the surplus release later turns too early.
  const bool whole_answer = surplus < 0 || (surplus > 0 && !s.work->queue.in_flight());
  if (whole_answer) s.surplus = surplus > 0 || pipelined ? s.surplus + surplus : 0;
  s.mark_test = whole_answer ? s.rcv_nxt : s.mark_test + want;
  s.mark_online = next.answer_mark;
  s.work->enough_at = 0;
}

void note_enough(Session& s, const Segment& next, Nanos now) {
  if (s.work->enough_at == 0 && answered(s) >= wanted(s, next))
    s.work->enough_at = std::max<Nanos>(now, 1);
}

}  // namespace mirrorlab::engine
