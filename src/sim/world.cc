// The run itself: events, paths, the engine and what breaks.
#include "sim/world.h"

#include <algorithm>

#include "sim/world_connection.h"

namespace mirrorlab::sim {

namespace {
// A run is over when hosts and network were quiet for longer than any timer of the engine that
// could still set something right (gap, user and FIN-WAIT time-outs).
constexpr Nanos kQuiet = 200 * kSecond;
// An upload over a window of a few hundred bytes, on a path that loses, takes hours; events are
// bounded.
constexpr Nanos kLongest = 40'000 * kSecond;
constexpr uint64_t kMostEvents = 300'000;
constexpr uint64_t kInvariantsEvery = 61;
}  // namespace

World::World(const Settings& settings, FaultPlan& plan, Trace& trace, const Tamper& tamper)
    : settings_(settings),
      plan_(plan),
      trace_(trace),
      tamper_(tamper),
      judge_(settings, plan),
      engine_(settings.core, settings.engine_segments, *this),
      intercept_([this](const wire::HeaderRecord& r) { return_header(r); }),
      random_(mix(settings.seed, 0x0017)) {
  for (size_t i = 0; i < static_cast<size_t>(Hop::count_); ++i) {
    paths_.emplace_back(static_cast<Hop>(i), settings.paths[i], settings.seed);
  }
  push(settings.engine_starts, EventType::engine_starts);
  for (uint32_t i = 0; i < settings.slots.size(); ++i) {
    next_conversation_.push_back(0);
    next_isn_.emplace_back(settings.slots[i].first_isn);
    plan_next_stream(i);
  }
  for (uint32_t i = 0; i < settings.timed.size(); ++i) {
    push(settings.timed[i].at, EventType::fault_begins, i);
  }
}

World::~World() = default;

void World::push(Nanos at, EventType type, uint32_t index, Hop hop, uint32_t generation) {
  if (type != EventType::engine_timer) ++busy_;
  queue_.push(at, {type, hop, index, generation});
}

void World::run() {
  while (!queue_.empty() && judge_.violations().empty()) {
    const Nanos at = queue_.next_at();
    if (busy_ == 0 && at > last_busy_ + kQuiet) break;
    if (at > kLongest || events_ > kMostEvents) {
      judge_.fail(Check::stuck, now_, "the run does not come to an end");
      break;
    }
    now_ = std::max(now_, at);
    const Event event = queue_.pop();
    if (event.type != EventType::engine_timer) {
      --busy_;
      last_busy_ = now_;
    }
    handle(event);
    if (++events_ % kInvariantsEvery == 0 && engine_.core() != nullptr) {
      judge_.check_core(*engine_.core(), now_);
    }
  }
  finish();
}

void World::handle(const Event& e) {
  switch (e.type) {
    case EventType::packet:
      arrive(e.hop, e.index, e.generation != 0);
      break;
    case EventType::record:
      if (e.generation != link_generation_ || engine_.core() == nullptr) break;
      judge_.on_heard(records_[e.index].flow);
      engine_.queue(records_[e.index]);
      if (!engine_turn_due_) {
        engine_turn_due_ = true;
        push(now_ + settings_.engine_batch, EventType::engine_turn, 0, Hop::count_,
             engine_generation_);
      }
      break;
    case EventType::claim:
      if (e.generation != link_generation_) break;
      if (claims_[e.index].on) {
        intercept_.claim(claims_[e.index].flow, now_);
      } else {
        intercept_.unclaim(claims_[e.index].flow);
      }
      break;
    case EventType::host_timer: {
      Connection& c = *connections_[e.index];
      if (c.timer_at != now_) break;
      c.timer_at = kNever;
      if (c.endpoint.deadline() <= now_) c.endpoint.on_timer(now_);
      settle(c);
      break;
    }
    case EventType::engine_turn:
      if (e.generation == engine_generation_) engine_turn();
      break;
    case EventType::engine_timer:
      if (e.generation == engine_generation_) engine_timer();
      break;
    case EventType::start_stream:
      start_stream(e.index);
      break;
    case EventType::fault_begins:
      begin_fault(e.index);
      break;
    case EventType::fault_ends:
      end_fault(e.index);
      break;
    case EventType::engine_starts:
      start_engine();
      break;
    case EventType::link_up:
      if (e.generation == link_generation_ && link_blocks_ == 0) set_link(true);
      break;
  }
}

// --- packets -----------------------------------------------------------------------------------

uint32_t World::slot_of(const wire::Endpoint& client) const {
  for (uint32_t i = 0; i < settings_.slots.size(); ++i) {
    if (settings_.slots[i].client == client) return i;
  }
  return 0;
}

uint32_t World::store(const wire::TcpHeader& header, wire::Bytes payload, uint32_t stream) {
  if (free_packets_.empty()) {
    free_packets_.push_back(static_cast<uint32_t>(packets_.size()));
    packets_.emplace_back();
  }
  const uint32_t index = free_packets_.back();
  free_packets_.pop_back();
  Packet& p = packets_[index];
  p.header = header;
  p.payload.assign(payload.begin(), payload.end());
  p.stream = stream;
  return index;
}

void World::send(Hop hop, const wire::TcpHeader& header, wire::Bytes payload, uint32_t stream) {
  const bool up = hop == Hop::online_to_client || hop == Hop::test_to_intercept;
  const uint32_t slot = slot_of(up ? header.dst : header.src);
  const size_t bytes = payload.size() + 60;
  const Fate fate = paths_[static_cast<size_t>(hop)].send(plan_, slot, bytes, now_);
  if (fate.overflow) judge_.on_overflow();
  trace_.packet(now_, hop, header, static_cast<uint32_t>(payload.size()),
                fate.lost                  ? "  (lost)"
                : fate.duplicate != kNever ? "  (twice)"
                                           : "");
  if (fate.first != kNever) {
    push(fate.first, EventType::packet, store(header, payload, stream), hop);
  }
  if (fate.duplicate != kNever) {
    push(fate.duplicate, EventType::packet, store(header, payload, stream), hop);
  }
}

void World::arrive(Hop hop, uint32_t index, bool truncated) {
  Packet packet = std::move(packets_[index]);
  switch (hop) {
    case Hop::client_to_online: {
      const uint32_t slot = slot_of(packet.header.src);
      const Fate fate =
          paths_[static_cast<size_t>(Hop::capture)].send(plan_, slot, packet.payload.size(), now_);
      if (fate.lost && engine_.core() != nullptr) {
        judge_.on_missed(*judge_.streams()[packet.stream]);
        trace_.packet(now_, Hop::capture, packet.header,
                      static_cast<uint32_t>(packet.payload.size()), "  (not captured)");
      }
      if (!fate.lost) {
        push(fate.first, EventType::packet, store(packet.header, packet.payload, packet.stream),
             Hop::capture, fate.truncated ? 1 : 0);
      }
      to_host(Role::online, packet);
      break;
    }
    case Hop::capture:
      arrive_at_engine(packet, truncated);
      break;
    case Hop::online_to_client:
      to_host(Role::client, packet);
      break;
    case Hop::engine_to_test:
      to_host(Role::test, packet);
      break;
    case Hop::test_to_intercept: {
      wire::HeaderRecord r;
      r.flow = {packet.header.dst, packet.header.src};
      r.seq = packet.header.seq;
      r.ack = packet.header.ack;
      r.flags = packet.header.flags;
      r.window = packet.header.window;
      r.payload_length = static_cast<uint32_t>(packet.payload.size());
      r.options = packet.header.options;
      intercept_.on_reply(r, now_);
      break;
    }
    default:
      break;
  }
  packets_[index] = std::move(packet);  // the payload's memory is used again
  free_packets_.push_back(index);
}

void World::return_header(const wire::HeaderRecord& record) {
  const Fate fate = paths_[static_cast<size_t>(Hop::header_return)].send(
      plan_, slot_of(record.flow.client), 64, now_);
  if (fate.lost) {
    trace_.note(now_, "header record lost: " + record.flow.to_string());
    return;
  }
  records_.push_back(record);
  push(fate.first, EventType::record, static_cast<uint32_t>(records_.size() - 1),
       Hop::header_return, link_generation_);
}

// --- engine ------------------------------------------------------------------------------------

void World::arrive_at_engine(Packet& packet, bool truncated) {
  if (engine_.core() == nullptr) return;
  const auto length = static_cast<uint32_t>(packet.payload.size());
  Packet seen = packet;
  if (truncated) seen.payload.resize(length / 2);
  engine_.queue(std::move(seen), length);
  if (engine_turn_due_) return;
  engine_turn_due_ = true;
  push(now_ + settings_.engine_batch, EventType::engine_turn, 0, Hop::count_, engine_generation_);
}

void World::start_engine() {
  if (engine_.core() != nullptr) return;
  ++engine_generation_;
  set_link(false);  // a break may have ended while nobody was there to connect
  trace_.note(now_, "engine starts");
  engine_.start(now_);
  judge_.on_engine_start(now_);
  engine_turn_due_ = false;
  push(now_ + settings_.link_reconnect, EventType::link_up, 0, Hop::count_, link_generation_);
  after_engine();
}

void World::engine_turn() {
  engine_turn_due_ = false;
  engine_.turn(now_, [this](const Packet& p, uint32_t length) {
    trace_.packet(now_, Hop::capture, p.header, length);
    // A client that has closed resets what belongs to the connection before: its numbers tell.
    Stream* of = p.header.has(wire::tcp_flag::kRst) ? judge_.find_stream(p.header.src, p.header.seq)
                                                    : nullptr;
    judge_.on_captured(of != nullptr ? *of : *judge_.streams()[p.stream], p.header, p.payload,
                       length, now_);
  });
  after_engine();
}

void World::engine_timer() {
  if (engine_timer_at_ > now_) return;
  engine_timer_at_ = kNever;
  engine_.on_timer(now_);
  after_engine();
}

void World::after_engine() {
  const Nanos next = engine_.core()->next_wakeup();
  if (next == kNever) return;
  // Why the microsecond: a core that asks for a time that has come must not stop virtual time.
  const Nanos at = std::max(next, now_ + kMicrosecond);
  if (at >= engine_timer_at_) return;
  engine_timer_at_ = at;
  push(at, EventType::engine_timer, 0, Hop::count_, engine_generation_);
}

void World::transmit(const wire::TcpHeader& header, wire::Bytes payload) {
  const auto pass = [this](const wire::TcpHeader& h, wire::Bytes data) {
    judge_.on_engine_packet(h, data, now_);
    send(Hop::engine_to_test, h, data, kNoStream);
  };
  if (tamper_.transmit) {
    tamper_.transmit(header, payload, pass);
  } else {
    pass(header, payload);
  }
}

void World::claim(const wire::FlowKey& mirrored) {
  if (!link_up_) return;
  claims_.push_back({mirrored, true});
  claim_arrives_ = std::max(claim_arrives_,
                            now_ + settings_.paths[static_cast<size_t>(Hop::header_return)].delay);
  push(claim_arrives_, EventType::claim, static_cast<uint32_t>(claims_.size() - 1),
       Hop::header_return, link_generation_);
}

void World::unclaim(const wire::FlowKey& mirrored) {
  if (!link_up_) return;
  claims_.push_back({mirrored, false});
  claim_arrives_ = std::max(claim_arrives_,
                            now_ + settings_.paths[static_cast<size_t>(Hop::header_return)].delay);
  push(claim_arrives_, EventType::claim, static_cast<uint32_t>(claims_.size() - 1),
       Hop::header_return, link_generation_);
}

void World::on_session_end(const engine::SessionReport& report) { judge_.on_report(report); }

void World::set_link(bool up) {
  if (link_up_ == up) return;
  link_up_ = up;
  if (!up) {
    // What is on its way in either direction is lost with the connection.
    ++link_generation_;
    intercept_.drop_peer();
  }
  trace_.note(now_, up ? "header return up" : "header return down");
  if (engine_.core() == nullptr) return;
  engine_.core()->on_header_link(up, now_);
  engine_.core()->flush(now_);
  after_engine();
}

// --- what breaks -------------------------------------------------------------------------------

void World::begin_fault(uint32_t index) {
  const TimedFault& t = settings_.timed[index];
  if (engine_.core() == nullptr || !plan_.happens(t.fault)) return;
  trace_.note(now_, t.fault.to_string());
  switch (t.fault.kind) {
    case FaultKind::intercept_restart:
      intercept_.stop();
      [[fallthrough]];
    case FaultKind::link_break:
      ++link_blocks_;
      set_link(false);
      break;
    case FaultKind::engine_stop_and_start:
      judge_.on_engine_end(engine_.core()->counters());
      engine_.stop(now_);
      break;
    case FaultKind::engine_restart:
      judge_.on_engine_end(engine_.core()->counters());
      engine_.kill();
      break;
    default:
      return;
  }
  if (engine_.core() == nullptr) {
    ++engine_generation_;
    engine_timer_at_ = kNever;
    set_link(false);
    for (auto& s : judge_.streams()) {
      if (s->started) s->engine_was_new = true;
    }
  }
  push(now_ + t.lasts, EventType::fault_ends, index);
}

void World::end_fault(uint32_t index) {
  const TimedFault& t = settings_.timed[index];
  switch (t.fault.kind) {
    case FaultKind::intercept_restart:
      intercept_.start();
      [[fallthrough]];
    case FaultKind::link_break:
      --link_blocks_;
      break;
    default:
      start_engine();
      return;
  }
  if (link_blocks_ == 0) {
    push(now_ + settings_.link_reconnect, EventType::link_up, 0, Hop::count_, link_generation_);
  }
}

void World::finish() {
  engine::Core* core = engine_.core();
  if (core == nullptr) {
    judge_.fail(Check::stuck, now_, "the run ended without an engine");
    return;
  }
  judge_.check_core(*core, now_);
  const bool drained = core->drained();
  if (!judge_.violations().empty()) return;
  core->shutdown(now_);
  judge_.check_core(*core, now_);
  engine::Account account = core->account();
  counters_ = core->counters();
  if (tamper_.account) tamper_.account(account, counters_);
  for (const auto& c : connections_) {
    if (c->mirrored == SIZE_MAX) continue;
    c->evidence().finished =
        c->endpoint.state() == TcpState::closed || c->endpoint.state() == TcpState::time_wait;
    c->evidence().gave_up = c->endpoint.timed_out();
  }
  judge_.finish(account, counters_, drained, now_);
}

}  // namespace mirrorlab::sim
