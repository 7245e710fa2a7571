// What is judged when the run is over.
#include <algorithm>
#include <numeric>

#include "sim/judge.h"

namespace mirrorlab::sim {

using engine::LossReason;

namespace {
std::string name(const Stream& s) {
  return "stream " + std::to_string(s.id) + " (" + s.online.client.to_string() + ")";
}
std::string text(int64_t n) { return std::to_string(n); }

uint64_t sum(const std::array<uint64_t, engine::kLossReasons>& by_reason) {
  return std::accumulate(by_reason.begin(), by_reason.end(), uint64_t{0});
}
// Turns released without the answer they depended on (S3).
uint64_t releases(const engine::Counters& counters) {
  return counters.turn_released_by_quiet + counters.turn_released_by_timeout;
}
}  // namespace

void Judge::on_engine_end(const engine::Counters& counters) {
  released_before_ += releases(counters);
}

bool Judge::replies_may_be_lost() const {
  return plan_.lost(Hop::engine_to_test) || plan_.lost(Hop::test_to_intercept) ||
         plan_.lost(Hop::header_return) || plan_.any(FaultKind::link_break) ||
         plan_.any(FaultKind::intercept_restart) || overflowed_;
}

// S2, known limit: an answer that was longer online looks like one to what is missed.
bool Judge::misjudges_hole(const Stream& s) const {
  return s.hole_lasted && has(settings_.features, Feature::answers_differ);
}

// May this stream differ from what was captured? Only for causes the judge has seen itself.
bool Judge::excused(const Stream& s) const {
  if (!s.syn_captured || s.missed_packets || s.engine_was_new || s.superseded || s.misled)
    return true;
  if (s.unreachable || s.abandoned || misjudges_hole(s)) return true;
  if (s.captured.first_gap(0) < s.known_end) return true;
  if (s.script.test_closes_after >= 0) return true;
  return has(settings_.features, Feature::limits);
}

void Judge::check_close(const Stream& s, const MirroredConnection& c, Nanos now) {
  const int64_t end = s.captured.first_gap(0);
  if (s.rst_captured >= 0) {
    // A reset is sent once, as the client did; the network may lose it.
    const bool may_be_lost = plan_.any(Hop::engine_to_test) || overflowed_;
    if (c.rst_at != end && c.fin_at != end && !may_be_lost) {
      fail(Check::close, now,
           name(s) + ": the client reset at " + text(end) + ", the test host saw a reset at " +
               text(c.rst_at) + " and a FIN at " + text(c.fin_at));
    }
    if (s.fin_captured < 0 && c.fin_at >= 0) {
      fail(Check::close, now, name(s) + ": a FIN the client never sent, at " + text(c.fin_at));
    }
    return;
  }
  if (s.fin_captured >= 0) {
    if (c.fin_at != end) {
      fail(Check::close, now,
           name(s) + ": the client closed at " + text(end) + ", the test host saw a FIN at " +
               text(c.fin_at));
    }
    return;
  }
  if (c.fin_at >= 0 || c.rst_at >= 0) {
    fail(Check::close, now,
         name(s) + ": the client closed nothing, the test host saw FIN at " + text(c.fin_at) +
             ", reset at " + text(c.rst_at));
  }
}

void Judge::finish_stream(const Stream& s, Nanos now) {
  std::vector<const MirroredConnection*> mine;
  for (const MirroredConnection& c : mirrored_) {
    const bool overtaken = c.late_reset && c.delivered == c.start;
    if (c.stream == s.id && c.engine == engine_ && c.established && !overtaken) mine.push_back(&c);
  }
  if (excused(s)) {
    ++excused_count_;
    for (const MirroredConnection* c : mine) {
      const bool boundary =
          c->start == 0 || std::ranges::find(s.boundaries, c->start) != s.boundaries.end() ||
          (c->start == s.captured.first_gap(c->start)) || s.engine_was_new || s.misled;
      if (!boundary && !s.missed_packets) {
        fail(Check::order, now,
             name(s) + ": a mirrored connection began at " + text(c->start) +
                 ", which is not where a turn begins");
      }
    }
    return;
  }
  ++exact_;
  const int64_t end = s.captured.first_gap(0);
  // Opened and reset at once: the test host may have seen no more than the SYN and the reset.
  if (mine.empty() && end == 0 && s.rst_captured >= 0) return;
  if (mine.size() != 1) {
    fail(Check::complete, now,
         name(s) + ": " + std::to_string(mine.size()) + " mirrored connections, not one");
    return;
  }
  const MirroredConnection& c = *mine.front();
  if (c.start != 0 || c.delivered != end) {
    fail(Check::complete, now,
         name(s) + ": captured [0, " + text(end) + "), the test host received [" + text(c.start) +
             ", " + text(c.delivered) + ")");
  }
  check_close(s, c, now);
  // The last ack of all is not repeated for ever; a path that loses packets may lose it every time.
  if (replies_may_be_lost()) return;
  if (c.gave_up || (s.fin_captured >= 0 && s.rst_captured < 0 && !c.finished)) {
    fail(Check::stuck, now,
         name(s) + ": the client closed, the test host's end never came to rest");
  }
}

void Judge::check_losses(const engine::Account& account, Nanos now) {
  const bool gaps = std::ranges::any_of(streams_, [&](const auto& s) {
    return s->started &&
           (s->missed_packets || misjudges_hole(*s) || s->captured.first_gap(0) < s->known_end);
  });
  const auto any = [&](auto member) {
    return std::ranges::any_of(streams_, [&](const auto& s) { return s->started && (*s).*member; });
  };
  const bool fresh = any(&Stream::engine_was_new);
  const bool unseen_syn = std::ranges::any_of(streams_, [](const auto& s) {
    return s->started && !s->syn_captured && s->data_packets > 0;
  });
  const bool closes = has(settings_.features, Feature::test_closes_first);
  const bool limits = has(settings_.features, Feature::limits);
  for (size_t i = 0; i < engine::kLossReasons; ++i) {
    if (account.sessions_lost[i] == 0 && account.bytes_lost[i] == 0) continue;
    bool allowed = false;
    switch (static_cast<LossReason>(i)) {
      case LossReason::capture_gap:
        allowed = gaps || fresh || limits || any(&Stream::misled);
        break;
      case LossReason::before_capture:
      case LossReason::not_whole:
        allowed = fresh || unseen_syn || gaps || limits;
        break;
      case LossReason::test_reset:
        allowed = closes || any(&Stream::abandoned);
        break;
      case LossReason::test_closed_first:
        allowed = closes;
        break;
      case LossReason::test_unreachable:
        allowed = any(&Stream::unreachable);
        break;
      case LossReason::superseded:
        allowed = any(&Stream::superseded) || any(&Stream::misled) || fresh;
        break;
      case LossReason::session_bytes_limit:
      case LossReason::total_bytes_limit:
      case LossReason::session_limit:
        allowed = limits;
        break;
      default:
        break;
    }
    if (!allowed) {
      fail(Check::complete, now,
           std::string("lost without a cause the judge knows of: ") +
               engine::to_string(static_cast<LossReason>(i)) + ", " +
               std::to_string(account.sessions_lost[i]) + " sessions, " +
               std::to_string(account.bytes_lost[i]) + " bytes");
    }
  }
}

void Judge::check_turns(const engine::Counters& counters, Nanos now) {
  const uint64_t released = released_before_ + releases(counters);
  if (early_turns_.size() > released) {
    std::string which;
    for (size_t i = 0; i < std::min<size_t>(early_turns_.size(), 4); ++i) {
      which += "; stream " + std::to_string(early_turns_[i].stream) + ", exchange " +
               std::to_string(early_turns_[i].exchange);
    }
    fail(Check::order, now,
         std::to_string(early_turns_.size()) +
             " turns came before the answer they depended on, the engine counted " +
             std::to_string(released) + which);
  }
  constexpr Features kMayDiffer = bit(Feature::answers_differ) | bit(Feature::answers_missing) |
                                  bit(Feature::test_closes_first) | bit(Feature::engine_restarts) |
                                  bit(Feature::midstream) | bit(Feature::capture_loss) |
                                  bit(Feature::limits);
  // A host whose answer is lost again and again looks like one that does not answer.
  if ((settings_.features & kMayDiffer) == 0 && !replies_may_be_lost() &&
      counters.turn_released_by_timeout > 0) {
    fail(Check::order, now,
         std::to_string(counters.turn_released_by_timeout) +
             " turns released by the hold limit, and every answer came");
  }
}

// The engine's figures against the evidence.
void Judge::check_reports(Nanos now) {
  uint64_t mirrored = 0;
  for (const auto& r : reports_) mirrored += r.bytes_mirrored;
  uint64_t delivered = 0;
  for (const auto& s : streams_) {
    IntervalSet all;
    for (const MirroredConnection& c : mirrored_) {
      if (c.stream == s->id) all.add(c.start, c.delivered);
    }
    delivered += static_cast<uint64_t>(all.size());
  }
  // A SYN long out of date, and its data after it, are a connection of their own for any observer.
  const bool misled = std::ranges::any_of(streams_, [](const auto& s) { return s->misled; });
  if (mirrored > delivered && !misled) {
    fail(Check::account, now,
         "reported as mirrored: " + std::to_string(mirrored) + " bytes; the test host received " +
             std::to_string(delivered));
  }
}

void Judge::finish(const engine::Account& account, const engine::Counters& counters, bool drained,
                   Nanos now) {
  if (!drained) fail(Check::stuck, now, "the engine still holds something that waits");
  for (const MirroredConnection& c : mirrored_) {
    streams_[c.stream]->abandoned |= c.gave_up && c.fin_at < 0 && replies_may_be_lost();
  }
  for (const auto& s : streams_) {
    if (s->started && (s->syn_captured || s->data_packets > 0)) finish_stream(*s, now);
  }
  check_losses(account, now);
  check_turns(counters, now);
  check_reports(now);
  if (std::string wrong = account.imbalance(); !wrong.empty()) {
    fail(Check::account, now, std::move(wrong));
  }
  if (account.sessions_live != 0 || account.bytes_pending != 0) {
    fail(Check::account, now,
         "after shutdown " + std::to_string(account.sessions_live) + " sessions live, " +
             std::to_string(account.bytes_pending) + " bytes pending");
  }
  const bool restarted =
      std::ranges::any_of(streams_, [](const auto& s) { return s->engine_was_new; });
  const bool missed =
      std::ranges::any_of(streams_, [](const auto& s) { return s->missed_packets; });
  const bool misled = std::ranges::any_of(streams_, [](const auto& s) { return s->misled; });
  // Without its SYN nobody can tell a connection from the one before it on the same port.
  const bool syn_unseen = std::ranges::any_of(
      streams_, [](const auto& s) { return s->started && (!s->syn_captured || s->syn_unseen); });
  if (!restarted && !misled && !syn_unseen) {
    uint64_t known = 0, seen = 0;
    for (const auto& s : streams_) {
      known += static_cast<uint64_t>(s->known_end);
      seen += s->started ? 1 : 0;
    }
    if (account.bytes_captured > known || account.sessions_captured > seen) {
      fail(Check::account, now,
           "the account says captured " + std::to_string(account.bytes_captured) + " bytes in " +
               std::to_string(account.sessions_captured) + " sessions; there were no more than " +
               std::to_string(known) + " in " + std::to_string(seen));
    }
  }
  if (excused_count_ == 0 && !restarted && !missed) {
    uint64_t captured = 0;
    for (const auto& s : streams_) captured += static_cast<uint64_t>(s->captured.size());
    if (account.bytes_captured != captured || account.bytes_mirrored != captured ||
        account.sessions_mirrored != exact_ || sum(account.sessions_lost) != 0) {
      fail(Check::account, now,
           "captured by evidence: " + std::to_string(captured) + " bytes in " +
               std::to_string(exact_) + " sessions; the account says captured " +
               std::to_string(account.bytes_captured) + ", mirrored " +
               std::to_string(account.bytes_mirrored) + " in " +
               std::to_string(account.sessions_mirrored) + " sessions");
    }
  }
}

}  // namespace mirrorlab::sim
