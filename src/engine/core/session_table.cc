#include "engine/core/session_table.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "engine/core/capture_side.h"
#include "engine/core/emit.h"
#include "engine/core/handshake.h"
#include "engine/core/mirror.h"
#include "engine/core/prefetch.h"
#include "engine/core/reassembly.h"
#include "engine/core/retransmission.h"
#include "engine/core/session_end.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

SessionTable::SessionTable(const Config& config, Sink& sink)
    : config_(config), env_{config_, sink, {}, {}, {}, {}, {}, 0, {}} {
  env_.links.resize(config_.mappings.size());
}

// A core may end with live sessions (a killed engine in the simulator); their buffers are its own.
SessionTable::~SessionTable() {
  const auto release = [this](const SegmentList& list) {
    for (const Segment* seg = list.head; seg != nullptr; seg = seg->next) {
      if (seg->buffer != nullptr) env_.buffers.release(seg->buffer);
    }
  };
  for (uint32_t id = 0; id < slabs_.size() * kSlab; ++id) {
    if (!at(id).live) continue;
    release(at(id).work->queue);
    release(at(id).work->out_of_order);
  }
}

uint32_t SessionTable::find(const wire::FlowKey& mirrored, uint64_t hash) const {
  return index_.find(hash, [&](uint32_t id) {
    const Session& s = at(id);
    return s.client == mirrored.client && config_.mappings[s.mapping].test == mirrored.server;
  });
}

int SessionTable::mapping_of(const wire::TcpPacket& packet) const {
  const wire::Endpoint& to = packet.header.dst;
  for (size_t i = 0; i < config_.mappings.size(); ++i) {
    const Mapping& m = config_.mappings[i];
    if (m.online.port != to.port || m.test.address.family() != to.address.family()) continue;
    if (m.online.address.is_unspecified() || m.online.address == to.address) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

bool SessionTable::is_test_endpoint(const wire::Endpoint& endpoint) const {
  for (const Mapping& m : config_.mappings) {
    if (m.test == endpoint) return true;
  }
  return false;
}

uint32_t SessionTable::take_slot() {
  if (free_.empty()) {
    const auto first = static_cast<uint32_t>(slabs_.size() * kSlab);
    slabs_.push_back(std::make_unique<Session[]>(kSlab));
    free_.reserve(slabs_.size() * kSlab);
    for (uint32_t i = kSlab; i-- > 0;) free_.push_back(first + i);
  }
  const uint32_t id = free_.back();
  free_.pop_back();
  ++in_use_;
  return id;
}

uint32_t SessionTable::create(const wire::TcpPacket& packet, size_t mapping, Nanos now) {
  const uint32_t id = take_slot();
  Session& s = at(id);
  // Why: a slot may be freed and taken again while it still stands in the list of dirty ones.
  const bool dirty = s.dirty;
  const uint32_t next_dirty = s.next_dirty;
  s = Session{};
  s.dirty = dirty;
  s.next_dirty = next_dirty;
  s.live = true;
  s.client = packet.header.src;
  s.online = packet.header.dst;
  s.mapping = static_cast<uint16_t>(mapping);
  if (!refused_.empty()) adopt(s, packet);
  begin_stream(env_, s, packet, now);
  return id;
}

namespace {
using Refused = RefusedConnections::Place;

uint64_t online_hash(const wire::TcpPacket& packet) {
  return hash_value(wire::FlowKey{packet.header.src, packet.header.dst});
}

// Why the first says it: a connection that found no room is nearer than one that had a session.
void follow(Session& s, wire::Seq older_zero, bool older_whole) {
  if (s.has_older) return;
  s.has_older = true;
  s.older_zero = older_zero;
  s.older_whole = older_whole;
}
}  // namespace

bool SessionTable::has_room(const wire::TcpPacket& packet) const {
  if (in_use_ >= config_.max_sessions) return false;
  return refused_.empty() || refused_.place_of(online_hash(packet), packet) != Refused::known;
}

// There may have been no session for this connection before: then it is in the account, as lost.
void SessionTable::adopt(Session& s, const wire::TcpPacket& packet) {
  const uint64_t hash = online_hash(packet);
  const bool same = refused_.place_of(hash, packet) == Refused::next;
  const auto known = refused_.forget(hash);
  if (!same) {
    if (known.counted) follow(s, known.zero, true);
    return;
  }
  if (known.has_older) follow(s, known.older, true);
  if (known.counted) --env_.account.sessions_lost[static_cast<size_t>(known.reason)];
  if (packet.header.has(kSyn)) {
    --env_.account.sessions_captured;  // nothing was lost of it; it begins as any other
    return;
  }
  s.discard_reason = known.reason;
  if (!known.counted) return;
  s.first_loss = known.reason;
  s.counted = true;
  ++env_.account.sessions_live;
}

void SessionTable::mark_dirty(uint32_t id) {
  Session& s = at(id);
  if (s.dirty) return;
  s.dirty = true;
  s.next_dirty = dirty_head_;
  dirty_head_ = id;
}

void SessionTable::refuse(const wire::TcpPacket& packet, LossReason reason) {
  const auto r = static_cast<size_t>(reason);
  const auto news = refused_.note(online_hash(packet), packet, reason);
  if (news.connection) {
    ++env_.account.sessions_captured;
    ++env_.account.sessions_lost[r];
  }
  env_.account.bytes_captured += news.bytes;
  env_.account.bytes_lost[r] += news.bytes;
}

void SessionTable::begin(const wire::TcpPacket& packet, size_t mapping, uint64_t hash,
                         uint32_t ts_offset, Nanos now) {
  const auto& h = packet.header;
  if (!h.has(kSyn) && (h.has(kRst) || (h.has(kFin) && packet.payload_length == 0))) return;
  if (!accepting_) {
    refuse(packet, LossReason::shutdown);
    return;
  }
  if (!has_room(packet)) {
    refuse(packet, LossReason::session_limit);
    return;
  }
  const uint32_t id = create(packet, mapping, now);
  index_.insert(hash, id);
  at(id).ts_offset = ts_offset;
  if (at(id).whole) open_connection(env_, at(id), now);
  mark_dirty(id);
}

void SessionTable::reuse(uint32_t first, uint32_t last, const wire::TcpPacket& packet, Nanos now) {
  ++env_.counters.reused_tuples;
  Session& old = at(last);
  if (!old.stream_complete) {
    // The client forgot the old connection without a close that was captured.
    end_stream(env_, old, now);
    supersede(env_, old, now);
    mark_dirty(last);
  }
  int chain = 1;
  for (uint32_t id = first; id != last; id = at(id).successor) ++chain;
  if (!has_room(packet)) {
    refuse(packet, LossReason::session_limit);
    return;
  }
  const uint32_t id = create(packet, old.mapping, now);
  at(id).connection = Connection::waiting;
  follow(at(id), old.zero, old.whole);
  at(last).successor = id;
  if (chain >= kMaxChain) {
    // The test host is hopelessly behind on this 4-tuple. One that was given up by the packet
    // before has not left the chain yet.
    if (at(first).connection == Connection::finished) {
      const uint32_t next = at(first).successor;
      promote_successor(first, now);
      first = next;
    }
    fail_connection(env_, at(first), LossReason::superseded, true, now);
    lose_all(env_, at(first), LossReason::superseded);
    if (at(first).first_loss == LossReason::none) at(first).first_loss = LossReason::superseded;
    finish_session(env_, at(first), now);
  }
  mark_dirty(first);
}

namespace {
// The SYN of the connection itself, which comes after it was joined in the middle: a copy of one
// that was not captured. Further back than a first flight it is another connection's.
bool late_syn(bool whole, wire::Seq zero, wire::Seq seq) {
  constexpr int64_t kFirstFlight = 64 * 1024;
  const int64_t offset = wire::unwrap(seq + 1, zero, 0);
  return !whole && offset <= 0 && offset >= -kFirstFlight;
}
// That of the connection before this one: the online host does not take it either.
bool older_syn(const Session& s, wire::Seq seq) {
  return s.has_older && (seq + 1 == s.older_zero || late_syn(s.older_whole, s.older_zero, seq));
}
}  // namespace

void SessionTable::on_client_packet(const wire::TcpPacket& packet, Nanos now) {
  on_client_packets({&packet, 1}, now);
}

void SessionTable::on_client_packets(std::span<const wire::TcpPacket> packets, Nanos now) {
  env_.counters.packets_captured += packets.size();
  for (; !packets.empty(); packets = packets.subspan(std::min(packets.size(), kBatch))) {
    const auto batch = packets.first(std::min(packets.size(), kBatch));
    std::array<int, kBatch> mappings;
    std::array<uint64_t, kBatch> hashes;
    for (size_t i = 0; i < batch.size(); ++i) {
      mappings[i] = mapping_of(batch[i]);
      if (mappings[i] < 0) {
        ++env_.counters.packets_unmapped;
        hashes[i] = 0;
        continue;
      }
      hashes[i] = hash_value(wire::FlowKey{
          batch[i].header.src, config_.mappings[static_cast<size_t>(mappings[i])].test});
      if (batch.size() > 1) index_.prefetch(hashes[i]);
    }
    if (batch.size() > 1) prefetch_sessions({hashes.data(), batch.size()});
    for (size_t i = 0; i < batch.size(); ++i) {
      if (mappings[i] >= 0) take_client_packet(batch[i], mappings[i], hashes[i], now);
    }
  }
}

void SessionTable::prefetch_sessions(std::span<const uint64_t> hashes) const {
  for (const uint64_t hash : hashes) {
    const uint32_t id = index_.guess(hash);
    if (id == FlowIndex::kNone) continue;
    const char* line = reinterpret_cast<const char*>(&at(id));
    for (size_t byte = 0; byte < sizeof(Session); byte += kCacheLine) prefetch(line + byte);
    wheel_.prefetch(id);
  }
}

void SessionTable::take_client_packet(const wire::TcpPacket& packet, int mapping, uint64_t hash,
                                      Nanos now) {
  const auto& h = packet.header;
  const wire::FlowKey mirrored{h.src, config_.mappings[static_cast<size_t>(mapping)].test};
  const uint32_t first = find(mirrored, hash);
  if (first == kNoSession) {
    begin(packet, static_cast<size_t>(mapping), hash, 0, now);
    return;
  }
  uint32_t last = first;
  while (at(last).successor != kNoSession) last = at(last).successor;
  Session& s = at(last);
  const bool syn = h.has(kSyn) && !h.has(kAck);
  if (syn && (older_syn(s, h.seq) || late_syn(s.whole, s.zero, h.seq))) {
    ++env_.counters.packets_retransmitted_online;
    return;
  }
  // The later connection of the 4-tuple found no room; this is its data, not the old one's.
  if (!syn && s.stream_complete && !refused_.empty() && refused_.has(online_hash(packet))) {
    refuse(packet, LossReason::session_limit);
    return;
  }
  if (s.connection == Connection::finished) {
    const bool anew =
        syn ? !(s.whole && h.seq + 1 == s.zero) : !s.stream_complete && packet.payload_length > 0;
    if (!anew) {
      note_repeat(s, s.client_at, now);
      s.end_at = std::max(s.end_at, patience(s));
      return;
    }
    if (syn) ++env_.counters.reused_tuples;
    const uint32_t ts_offset = s.ts_offset;
    const bool old_whole = s.whole;
    const wire::Seq old_zero = s.zero;
    remove(last);
    begin(packet, static_cast<size_t>(mapping), hash, ts_offset, now);
    if (const uint32_t id = find(mirrored, hash); id != kNoSession) {
      follow(at(id), old_zero, old_whole);
    }
    return;
  }
  if (s.online != h.dst) {
    refuse(packet, LossReason::tuple_collision);
    return;
  }
  if (syn && !(s.whole && h.seq + 1 == s.zero)) {
    reuse(first, last, packet, now);
    return;
  }
  if (syn && packet.payload_length == 0) {
    ++env_.counters.packets_retransmitted_online;
    return;
  }
  capture_packet(env_, s, packet, now);
  mark_dirty(last);
}

void SessionTable::on_header(const wire::HeaderRecord& record, Nanos now) {
  on_headers({&record, 1}, now);
}

void SessionTable::on_headers(std::span<const wire::HeaderRecord> records, Nanos now) {
  env_.counters.header_records += records.size();
  for (; !records.empty(); records = records.subspan(std::min(records.size(), kBatch))) {
    const auto batch = records.first(std::min(records.size(), kBatch));
    std::array<uint64_t, kBatch> hashes;
    for (size_t i = 0; i < batch.size(); ++i) {
      hashes[i] = hash_value(batch[i].flow);
      if (batch.size() > 1) index_.prefetch(hashes[i]);
    }
    if (batch.size() > 1) prefetch_sessions({hashes.data(), batch.size()});
    for (size_t i = 0; i < batch.size(); ++i) take_header(batch[i], hashes[i], now);
  }
}

void SessionTable::take_header(const wire::HeaderRecord& record, uint64_t hash, Nanos now) {
  const uint32_t id = find(record.flow, hash);
  if (id == kNoSession) {
    ++env_.counters.header_records_unknown;
    // Why: a connection of an engine that is gone would be kept alive by the test host for minutes.
    if (is_test_endpoint(record.flow.server) && !record.has(kRst)) emit_stray_reset(env_, record);
    return;
  }
  on_record(env_, at(id), record, now);
  mark_dirty(id);
}

void SessionTable::on_header_link(const wire::Endpoint* test, bool up, Nanos now) {
  std::vector<bool> back(env_.links.size());
  for (size_t i = 0; i < env_.links.size(); ++i) {
    LinkState& link = env_.links[i];
    if (link.up == up || (test != nullptr && config_.mappings[i].test != *test)) continue;
    link.up = up;
    if (up) link.silence_from = now;
    back[i] = up;
  }
  if (std::ranges::none_of(back, std::identity())) return;
  if (test == nullptr) claim_again();
  for (uint32_t id = 0; id < slabs_.size() * kSlab; ++id) {
    Session& s = at(id);
    if (!s.live || !s.claimed || !back[s.mapping]) continue;
    probe_after_outage(s, now, (id % 64) * kMillisecond);
    mark_dirty(id);
  }
}

void SessionTable::on_header_late(const wire::Endpoint& test, Nanos now) {
  for (size_t i = 0; i < env_.links.size(); ++i) {
    if (config_.mappings[i].test == test) env_.links[i].silence_from = now;
  }
}

void SessionTable::claim_again() {
  for (uint32_t id = 0; id < slabs_.size() * kSlab; ++id) {
    const Session& s = at(id);
    if (s.live && s.claimed) env_.sink.claim(env_.mirrored_flow(s));
  }
}

void SessionTable::on_capture_loss(Nanos now) {
  env_.capture_lost_at = now;
  if (let_go_at_ == kNever) let_go_at_ = now + config_.gap_timeout;
}

// One walk for all, and after a later loss another: a timer of its own would cost every session.
void SessionTable::let_go_of_silent(Nanos now) {
  const Nanos again = env_.capture_lost_at + config_.gap_timeout;
  let_go_at_ = again > now ? again : kNever;
  for (uint32_t id = 0; id < slabs_.size() * kSlab; ++id) {
    Session& s = at(id);
    if (!s.live || s.connection == Connection::finished || !env_.end_may_be_missed(s)) continue;
    if (now - s.client_at < config_.gap_timeout) {
      // Not for each: a walk is worth some lateness.
      const Nanos next = std::max(s.client_at, now - config_.gap_timeout / 2) + config_.gap_timeout;
      let_go_at_ = std::min(let_go_at_, next);
      continue;
    }
    let_go(env_, s, now);
    mark_dirty(id);
  }
}

void SessionTable::note_busy(uint32_t id) {
  Session& s = at(id);
  const bool unfinished = !s.work->queue.empty() || !s.work->out_of_order.empty() ||
                          s.connection == Connection::waiting ||
                          s.connection == Connection::syn_sent;
  const bool finished = s.connection == Connection::finished;
  const bool busy = s.live && (finished ? s.reset_at != kNever : unfinished);
  if (busy == s.busy) return;
  s.busy = busy;
  busy_ += busy ? 1 : -1;
}

void SessionTable::settle(uint32_t id, Nanos now) {
  Session& s = at(id);
  note_busy(id);
  if (s.connection == Connection::finished && s.successor != kNoSession) {
    promote_successor(id, now);
    return;
  }
  rest(env_, s);
  // Lazy: a timer that moved later fires early, finds nothing due and is armed anew. One that is
  // done with is taken out at once, while its neighbours in the wheel, which were armed at about
  // the same time, are still in the cache.
  const Nanos deadline = next_deadline(env_, s);
  if (deadline == kNever) {
    wheel_.cancel(id);
  } else if (wheel_.later_than(id, deadline)) {
    wheel_.arm(id, deadline);
  }
  set_idle_timer(id);
}

// The idle timer is lazy too. It needs no look at the wheel, which would be a cache miss for every
// packet, unless the limit has become another one.
void SessionTable::set_idle_timer(uint32_t id) {
  Session& s = at(id);
  const Nanos deadline = idle_deadline(env_, s);
  if (deadline == kNever) return;
  const auto limit = static_cast<uint32_t>(
      std::min<Nanos>((deadline - s.active_at()) / kMillisecond + 1, UINT32_MAX));
  if (s.idle_limit_ms == limit) return;
  s.idle_limit_ms = limit;
  if (idle_wheel_.later_than(id, deadline)) idle_wheel_.arm(id, deadline);
}

void SessionTable::flush_one(Nanos now) {
  if (flushing_ == kNoSession) flushing_ = std::exchange(dirty_head_, kNoSession);
  const uint32_t id = flushing_;
  Session& s = at(id);
  flushing_ = s.next_dirty;
  s.dirty = false;
  if (!s.live) return;
  if (s.connection != Connection::waiting && s.connection != Connection::finished) {
    output(env_, s, now);
  }
  settle(id, now);
}

void SessionTable::flush(Nanos now) {
  while (has_dirty()) flush_one(now);
}

void SessionTable::flush_some(Nanos now, uint64_t segments) {
  const uint64_t begin = env_.counters.segments_sent;
  while (has_dirty() && env_.counters.segments_sent - begin < segments) flush_one(now);
}

void SessionTable::fire_timers(Nanos now) {
  if (let_go_at_ <= now) let_go_of_silent(now);
  due_.clear();
  wheel_.advance(now, due_);
  const size_t idle_from = due_.size();
  idle_wheel_.advance(now, due_);
  for (size_t i = idle_from; i < due_.size(); ++i) at(due_[i]).idle_limit_ms = 0;
  for (size_t i = 0; i < due_.size(); ++i) {
    // A timer most often finds that what it was for is done (lazy); most of its cost is the fetch.
    if (i + kAhead < due_.size()) prefetch(&at(due_[i + kAhead]).work);
    const uint32_t id = due_[i];
    Session& s = at(id);
    if (!s.live) continue;
    if (s.connection == Connection::waiting) {
      if (gap_deadline(env_, s) <= now) declare_gap(env_, s, LossReason::capture_gap, now);
    } else if (std::min(next_deadline(env_, s), idle_deadline(env_, s)) <= now) {
      if (s.connection == Connection::finished && s.end_at <= now) {
        remove(id);
        continue;
      }
      on_session_timer(env_, s, now);
      // Why later: many timers may be due at once, and what they send is sent in parts as well.
      mark_dirty(id);
      continue;
    }
    settle(id, now);
  }
}

Nanos SessionTable::next_wakeup() const {
  if (has_dirty()) return 0;
  return std::min({wheel_.next_wakeup(), idle_wheel_.next_wakeup(), let_go_at_});
}

void SessionTable::promote_successor(uint32_t finished, Nanos now) {
  Session& old = at(finished);
  const uint32_t id = old.successor;
  Session& s = at(id);
  index_.replace(hash_value(env_.mirrored_flow(old)), finished, id);
  s.claimed = old.claimed;
  s.ts_offset = old.ts_offset;
  old.claimed = false;
  old.successor = kNoSession;
  wheel_.cancel(finished);
  idle_wheel_.cancel(finished);
  rest(env_, old);
  free_.push_back(finished);
  old.live = false;
  note_busy(finished);
  --in_use_;
  // Ended by a shutdown while it waited, it stays ended.
  if (s.connection == Connection::waiting) {
    s.connection = Connection::none;
    if (s.whole) open_connection(env_, s, now);
  }
  mark_dirty(id);
}

void SessionTable::remove(uint32_t id) {
  Session& s = at(id);
  if (s.claimed) env_.sink.unclaim(env_.mirrored_flow(s));
  index_.erase(hash_value(env_.mirrored_flow(s)), id);
  wheel_.cancel(id);
  idle_wheel_.cancel(id);
  rest(env_, s);
  s.live = false;
  note_busy(id);
  --in_use_;
  free_.push_back(id);
}

void SessionTable::shutdown(Nanos now) {
  flush(now);
  for (uint32_t id = 0; id < slabs_.size() * kSlab; ++id) {
    if (!at(id).live || at(id).connection == Connection::finished) continue;
    end_session(env_, at(id), LossReason::shutdown, now);
    note_busy(id);
  }
  // Leaves no chains: each becomes the tombstone of its last session, with its timer.
  for (uint32_t id = 0; id < slabs_.size() * kSlab; ++id) {
    if (!at(id).live) continue;
    const wire::FlowKey mirrored = env_.mirrored_flow(at(id));
    if (find(mirrored, hash_value(mirrored)) == id) mark_dirty(id);
  }
  flush(now);
}

bool SessionTable::drained() const {
  return busy_ == 0 && !has_dirty() && env_.account.bytes_pending == 0;
}

uint64_t SessionTable::memory_bytes() const {
  return slabs_.size() * kSlab * sizeof(Session) + free_.capacity() * sizeof(uint32_t) +
         index_.memory_bytes() + refused_.memory_bytes() + wheel_.memory_bytes() +
         idle_wheel_.memory_bytes() + env_.segments.memory_bytes() + env_.buffers.memory_bytes() +
         env_.works.memory_bytes();
}

}  // namespace mirrorlab::engine
