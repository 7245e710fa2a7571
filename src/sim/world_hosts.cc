// The virtual hosts: which connection a packet is for, what opens one, what happens to none.
#include <algorithm>

#include "sim/world_connection.h"

namespace mirrorlab::sim {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

World::Connection* World::find(Role role, const wire::FlowKey& flow) {
  for (size_t i = connections_.size(); i-- > 0;) {
    Connection& c = *connections_[i];
    if (c.role == role && c.endpoint.flow() == flow) return &c;
  }
  return nullptr;
}

void World::plan_next_stream(uint32_t slot) {
  const auto& conversations = settings_.slots[slot].conversations;
  const uint32_t next = next_conversation_[slot];
  if (next < conversations.size()) {
    push(now_ + conversations[next].start_after, EventType::start_stream, slot);
  }
}

void World::start_stream(uint32_t slot) {
  const SlotSettings& from = settings_.slots[slot];
  auto stream = std::make_unique<Stream>();
  stream->id = static_cast<uint32_t>(judge_.streams().size());
  stream->slot = slot;
  stream->online = {from.client, settings_.online};
  stream->script = from.conversations[next_conversation_[slot]++];
  stream->content = Content(mix(settings_.seed, stream->id));
  stream->isn = next_isn_[slot];
  stream->started = true;
  // As a host whose initial sequence numbers follow its clock (RFC 9293 3.4.1): always ahead.
  next_isn_[slot] = stream->isn + static_cast<uint32_t>(stream->script.request_bytes() +
                                                        random_.between(64'000, 900'000));
  trace_.note(now_, "stream " + std::to_string(stream->id) + " starts");
  auto c = std::make_unique<Connection>(*this, Role::client, *stream, from.tcp, stream->online,
                                        stream->isn);
  c->app = std::make_unique<ClientApp>(*stream);
  judge_.streams().push_back(std::move(stream));
  Connection& connection = *c;
  connection.id = static_cast<uint32_t>(connections_.size());
  connections_.push_back(std::move(c));
  connection.endpoint.connect(now_);
  settle(connection);
}

void World::refuse(Role role, const Packet& packet) {
  const wire::TcpHeader& h = packet.header;
  if (h.has(kRst)) return;
  wire::TcpHeader rst;
  rst.src = h.dst;
  rst.dst = h.src;
  if (h.has(kAck)) {
    rst.seq = h.ack;
    rst.flags = kRst;
  } else {
    rst.ack = h.seq + static_cast<uint32_t>(packet.payload.size()) + (h.has(kSyn) ? 1U : 0U) +
              (h.has(kFin) ? 1U : 0U);
    rst.flags = kRst | kAck;
  }
  constexpr Hop kOut[] = {Hop::client_to_online, Hop::online_to_client, Hop::test_to_intercept};
  uint32_t stream = kNoStream;
  if (role == Role::client) {
    // The engine captures it like any packet of the client; the evidence must know whose it is.
    if (const Stream* s = judge_.find_stream(rst.src, rst.seq); s != nullptr) stream = s->id;
    if (stream == kNoStream) return;
  }
  send(kOut[static_cast<size_t>(role)], rst, {}, stream);
}

void World::accept(Role role, Packet& packet) {
  const wire::TcpHeader& h = packet.header;
  Stream* stream = judge_.find_stream(h.src, h.seq + 1);
  if (stream == nullptr) {
    judge_.fail(Check::content, now_, "a SYN outside any stream of " + h.src.to_string());
    return;
  }
  const bool test = role == Role::test;
  const int64_t start = test ? Judge::offset_in(*stream, h.seq + 1) : 0;
  auto c = std::make_unique<Connection>(
      *this, role, *stream, test ? settings_.test_tcp : settings_.online_tcp,
      wire::FlowKey{h.dst, h.src}, wire::Seq(static_cast<uint32_t>(random_.next())));
  auto app = std::make_unique<ServerApp>(*stream, test ? Side::test : Side::online, start);
  c->server = app.get();
  c->app = std::move(app);
  if (test) {
    c->mirrored = judge_.mirrored().size();
    MirroredConnection m;
    m.stream = stream->id;
    m.engine = judge_.engine();
    m.start = m.delivered = start;
    judge_.mirrored().push_back(m);
  }
  Connection& connection = *c;
  connection.id = static_cast<uint32_t>(connections_.size());
  connections_.push_back(std::move(c));
  connection.endpoint.accept(h, packet.payload, now_);
  settle(connection);
}

void World::to_host(Role role, Packet& packet) {
  const wire::TcpHeader& h = packet.header;
  Connection* c = find(role, {h.dst, h.src});
  const bool gone = c == nullptr || c->endpoint.state() == TcpState::closed;
  const bool syn = h.has(kSyn) && !h.has(kAck) && !h.has(kRst);
  if (syn && role != Role::client && (gone || c->endpoint.may_be_reused_by(h))) {
    accept(role, packet);
    return;
  }
  if (gone) {
    refuse(role, packet);
    return;
  }
  if (role == Role::test) {
    const int64_t heard = wire::unwrap(h.ack, c->endpoint.isn() + 1, c->server->said());
    judge_.on_test_arrival(h, packet.payload.size(), *c->server, heard, c->evidence());
    // A late packet of the connection before this one is another stream's, or acks what was never
    // said on this one.
    const Stream* of = judge_.find_stream(h.src, h.seq);
    const bool answers = heard >= 0 && heard <= c->server->said() + 1;
    const bool own = of != nullptr && of->id == c->evidence().stream && answers;
    if (own && !packet.payload.empty() && !c->endpoint.window_reaches(h, packet.payload.size())) {
      judge_.fail(Check::packet, now_,
                  "data beyond the window of the test host: sequence number " +
                      std::to_string(h.seq.raw()));
    }
  }
  c->endpoint.on_segment(h, packet.payload, now_);
  watch(*c);
  settle(*c);
}

// What the judge needs to know of a connection at the test host.
void World::watch(Connection& c) {
  if (c.role != Role::test) return;
  MirroredConnection& m = c.evidence();
  const TcpState state = c.endpoint.state();
  if (state != TcpState::syn_received && !(state == TcpState::closed && !m.established)) {
    m.established = true;
  }
  const int64_t end = m.start + c.endpoint.received_end();
  if (c.endpoint.peer_finished()) {
    if (m.fin_at < 0) m.fin_at = end - 1;
  }
  if (c.endpoint.was_reset() && m.rst_at < 0) {
    m.rst_at = end - (c.endpoint.peer_finished() ? 1 : 0);
    m.late_reset = judge_.streams()[m.stream]->resets_since_syn == 0;
  }
}

// After anything that happened to a connection: its application's turn, then its timer.
void World::settle(Connection& c) {
  c.app->step(c.endpoint, now_);
  const TcpState state = c.endpoint.state();
  if (c.role == Role::client && !c.ended &&
      (state == TcpState::closed || state == TcpState::time_wait)) {
    const bool may_reuse = state == TcpState::closed;
    if (may_reuse) {
      c.ended = true;
      c.stream.finished = true;
      plan_next_stream(c.stream.slot);
    }
  }
  const bool over = state == TcpState::closed || state == TcpState::time_wait;
  const Nanos at =
      over ? c.endpoint.deadline() : std::min(c.endpoint.deadline(), c.app->deadline());
  if (at == kNever || at >= c.timer_at) return;
  c.timer_at = std::max(at, now_);
  push(c.timer_at, EventType::host_timer, c.id);
}

}  // namespace mirrorlab::sim
