// What is judged while the run goes on.
#include "sim/judge.h"

#include <algorithm>

namespace mirrorlab::sim {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

const char* to_string(Check check) {
  static constexpr const char* kNames[] = {"content",    "order", "complete", "close",  "account",
                                           "invariants", "stuck", "harmless", "packet", "stack"};
  return kNames[static_cast<size_t>(check)];
}

void Judge::fail(Check check, Nanos now, std::string text) {
  // Why: the first few say what happened; a broken engine says the rest a thousand times.
  if (violations_.size() < 8) violations_.push_back({check, now, std::move(text)});
}

int64_t Judge::offset_in(const Stream& stream, wire::Seq seq) {
  return wire::unwrap(seq, stream.isn + 1, stream.script.request_bytes() / 2);
}

Stream* Judge::find_stream(const wire::Endpoint& client, wire::Seq seq) {
  for (size_t i = streams_.size(); i-- > 0;) {
    Stream& s = *streams_[i];
    if (!s.started || s.online.client != client) continue;
    const int64_t offset = offset_in(s, seq);
    // The SYN's place, the FIN's, and what a stack may say after it.
    if (offset >= -2 && offset <= s.script.request_bytes() + 2) return &s;
  }
  return nullptr;
}

void Judge::on_engine_start(Nanos) {
  ++engine_;
  reports_.clear();
  for (auto& s : streams_) {
    if (!s->started) continue;
    s->engine_was_new = true;
    s->syn_captured = s->seen = s->syn_unseen = false;
    s->captured.clear();
    s->known_end = 0;
    s->fin_captured = s->rst_captured = -1;
    s->reset_done = false;
    s->data_packets = 0;
    s->boundaries.clear();
    s->sent_end = 0;
    s->asked_at = s->hole_since = kNever;
  }
}

void Judge::watch_hole(Stream& s, Nanos now) const {
  if (s.captured.first_gap(0) >= s.known_end) {
    s.hole_since = kNever;
    return;
  }
  s.hole_since = std::min(s.hole_since, now);
  s.hole_lasted |= now - s.hole_since > settings_.core.gap_grace;
}

void Judge::on_captured(Stream& s, const wire::TcpHeader& h, wire::Bytes payload, size_t length,
                        Nanos now) {
  watch_hole(s, now);
  take_captured(s, h, payload, length);
  watch_hole(s, now);
}

void Judge::take_captured(Stream& s, const wire::TcpHeader& h, wire::Bytes payload, size_t length) {
  const bool whole = payload.size() == length;
  if (!h.has(kSyn) && !s.syn_captured) s.syn_unseen = true;
  if (!h.has(kRst) && !(h.has(kFin) && payload.empty())) s.seen = true;
  if (h.has(kSyn)) {
    for (auto& other : streams_) {
      // A SYN later than two newer ones: nobody at the capture can tell it from a new connection.
      if (other->slot != s.slot || other->id <= s.id || !other->syn_captured) continue;
      if (other->id == s.id + 1 && !s.engine_was_new) continue;
      for (auto& each : streams_) each->misled |= each->slot == s.slot && each->id >= s.id;
    }
    s.misled |= std::ranges::any_of(
        streams_, [&](const auto& other) { return other->slot == s.slot && other->misled; });
    s.syn_captured = true;
    for (auto& other : streams_) {  // an earlier connection of this 4-tuple is over
      if (other.get() == &s || other->slot != s.slot || !other->started || other->id > s.id)
        continue;
      const int64_t end = other->captured.first_gap(0);
      const bool closed =
          other->reset_done || (other->fin_captured >= 0 && other->fin_captured <= end);
      if (!closed) other->superseded = true;
    }
    return;
  }
  // The connection is over, whatever is still under way.
  const bool over = std::ranges::any_of(streams_, [&](const auto& other) {
    return other->slot == s.slot && other->id > s.id && other->syn_captured;
  });
  if (over || s.reset_done) return;
  const int64_t offset = offset_in(s, h.seq);
  const int64_t end = offset + static_cast<int64_t>(length);
  if (h.has(kRst)) {
    // Why: a client that meets an old connection of the online host resets that one's numbers.
    if (offset < 0 || offset > s.script.request_bytes() + 1) return;
    // Whoever has seen nothing else of a connection cannot tell that it was one.
    if (!s.seen) return;
    // Only the very byte the online host expects ends the connection (RFC 5961 section 3).
    const int64_t expected = s.captured.first_gap(0) + (s.fin_captured >= 0 ? 1 : 0);
    if (offset < expected) return;  // void
    const bool exact = offset == expected;
    if (exact && !s.reset_done) s.rst_captured = offset;
    s.reset_done |= exact;
    if (s.rst_captured < 0) s.rst_captured = offset;
    if (offset != s.fin_captured + 1) s.known_end = std::max(s.known_end, offset);
    return;
  }
  // After a FIN everything is numbered one beyond the last byte.
  if (s.fin_captured < 0 || end != s.fin_captured + 1) s.known_end = std::max(s.known_end, end);
  if (!whole) {
    s.missed_packets = true;
    return;
  }
  // A keep-alive's byte of garbage is no stream.
  if (!payload.empty() && offset >= 0 && s.content.mismatch(offset, payload) < 0) {
    if (s.data_packets++ == 0) s.lowest_data_ack = h.ack.raw();
    if (static_cast<int32_t>(h.ack.raw() - s.lowest_data_ack) > 0) s.boundaries.push_back(offset);
    s.captured.add(offset, end);
  }
  if (h.has(kFin)) s.fin_captured = end;
}

void Judge::on_heard(const wire::FlowKey& mirrored) {
  for (auto& s : streams_) {
    if (s->online.client == mirrored.client) s->asked_at = kNever;
  }
}

void Judge::watch_silence(Stream& s, const wire::TcpHeader& h, size_t length, Nanos now) const {
  const int64_t offset = offset_in(s, h.seq);
  if (h.has(kRst)) {
    // Why the slack: the first question since may be the repetition of one that was asked before.
    const Nanos patience = settings_.core.user_timeout - settings_.core.rto_max;
    s.unreachable |= s.asked_at != kNever && now - s.asked_at >= patience;
    return;
  }
  // An empty packet below what was sent probes a closed window.
  const bool asks = length > 0 || h.has(kSyn) || h.has(kFin) || offset < s.sent_end;
  if (asks) s.asked_at = std::min(s.asked_at, now);
  s.sent_end = std::max(s.sent_end, offset + static_cast<int64_t>(length));
}

void Judge::on_engine_packet(const wire::TcpHeader& h, wire::Bytes payload, Nanos now) {
  if (h.dst != settings_.test) {
    fail(Check::harmless, now, "the engine sent a packet to " + h.dst.to_string());
    return;
  }
  const size_t header = (h.src.address.is_v4() ? 20U : 40U) + 20U;
  uint8_t options[wire::TcpOptions::kMaxBytes];
  if (header + h.options.write(options) + payload.size() > settings_.core.mtu) {
    fail(Check::packet, now,
         "a packet of the engine is larger than the path's MTU: " + std::to_string(payload.size()) +
             " bytes of data");
  }
  Stream* s = find_stream(h.src, h.seq);
  if (s != nullptr && h.has(kRst)) ++s->resets_since_syn;
  if (s != nullptr && h.has(kSyn)) s->resets_since_syn = 0;
  if (s != nullptr) watch_silence(*s, h, payload.size(), now);
  if (payload.empty()) return;
  if (s == nullptr) {
    fail(Check::content, now,
         "the engine sent data outside any stream of " + h.src.to_string() + ", sequence number " +
             std::to_string(h.seq.raw()));
    return;
  }
  const int64_t offset = offset_in(*s, h.seq);
  const auto length = static_cast<int64_t>(payload.size());
  const std::string where = "stream " + std::to_string(s->id) + " [" + std::to_string(offset) +
                            ", " + std::to_string(offset + length) + ")";
  if (s->content.mismatch(offset, payload) >= 0) {
    fail(Check::content, now, where + ": the engine sent other bytes than the client");
  } else if (!s->captured.contains(offset, offset + length)) {
    fail(Check::content, now, where + ": the engine sent bytes that were never captured");
  }
}

// Had the test host said what exchange `k` depends on? As many bytes as online are an answer, also
// when it has more to say (S3).
bool Judge::answered(const Stream& s, const ServerApp& app, size_t k,
                     const MirroredConnection& c) const {
  const int64_t start = c.start;
  const Conversation& script = s.script;
  // Whoever missed the client's first acks cannot know that the server spoke before it, and takes
  // the greeting for the first answer.
  const bool greets = !script.greeting.empty();
  // So does an engine that was misled by a late SYN, or that had no room when the SYN came.
  const bool may_be_refused = settings_.core.max_sessions < engine::Config{}.max_sessions;
  const bool began_late = s.missed_packets || s.engine_was_new || s.misled || may_be_refused;
  if (greets && (began_late || start > 0)) return true;
  if (greets && !app.greeted()) return false;
  const int before = static_cast<int>(k) - 1;
  if (before < 0 || app.answered() > before) return true;
  if (script.request_start(k - 1) < start) return true;  // asked on a connection that is gone
  if (app.answered_bytes(before) >= size_of(script.exchanges[k - 1].online)) return true;
  // The tail of a longer answer before it comes after the request and looks like an answer to it.
  if (before > 0 && c.exchange == before) {
    const Exchange& longer = script.exchanges[k - 2];
    const int64_t said = app.said() - c.said_before;
    if (size_of(longer.test) > size_of(longer.online) &&
        said >= size_of(script.exchanges[k - 1].online)) {
      return true;
    }
  }
  // A client that does not wait shows only how many bytes it had seen in all.
  const bool pipelines = std::ranges::any_of(script.exchanges, &Exchange::pipelined);
  return pipelines && start == 0 && app.said() >= script.answers_end(before);
}

void Judge::on_test_arrival(const wire::TcpHeader& h, size_t length, const ServerApp& app,
                            int64_t heard, MirroredConnection& connection) {
  if (length == 0) return;
  const Stream& s = *streams_[connection.stream];
  const int64_t offset = offset_in(s, h.seq);
  const int64_t end = offset + static_cast<int64_t>(length);
  for (size_t k = 0; k < s.script.exchanges.size(); ++k) {
    const int64_t first = s.script.request_start(k);
    if (first < offset || first >= end || static_cast<int>(k) == connection.exchange) continue;
    const bool early = !s.script.exchanges[k].pipelined && !answered(s, app, k, connection);
    if (static_cast<int>(k) > connection.exchange) {
      connection.exchange = static_cast<int>(k);
      // What is said and not heard comes after the request, too. (With AckPolicy::client an ack
      // says less than was heard.)
      const bool exact = settings_.core.ack == engine::AckPolicy::eager;
      connection.said_before = exact ? std::min(heard, app.said()) : app.said();
    }
    if (!early) continue;
    // One counted release may shift what follows it on the same connection.
    if (std::ranges::find(early_turns_, s.id, &EarlyTurn::stream) == early_turns_.end()) {
      early_turns_.push_back({s.id, static_cast<int>(k)});
    }
  }
}

void Judge::on_delivered(MirroredConnection& c, int64_t offset, wire::Bytes data, Nanos now) {
  const Stream& s = *streams_[c.stream];
  if (const int64_t wrong = s.content.mismatch(offset, data); wrong >= 0) {
    fail(Check::content, now,
         "stream " + std::to_string(s.id) +
             ": the test host received another "
             "byte at offset " +
             std::to_string(offset + wrong));
  }
  c.delivered = offset + static_cast<int64_t>(data.size());
}

void Judge::on_online_delivered(const Stream& s, int64_t offset, wire::Bytes data, Nanos now) {
  if (const int64_t wrong = s.content.mismatch(offset, data); wrong >= 0) {
    fail(Check::stack, now,
         "stream " + std::to_string(s.id) +
             ": the online host received another "
             "byte at offset " +
             std::to_string(offset + wrong));
  }
}

void Judge::check_core(const engine::Core& core, Nanos now) {
  if (std::string wrong = core.check_invariants(); !wrong.empty()) {
    fail(Check::invariants, now, std::move(wrong));
  }
}

}  // namespace mirrorlab::sim
