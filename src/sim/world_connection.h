// A connection of a virtual host: endpoint, application, and the stream it belongs to.
#pragma once

#include "sim/client_app.h"
#include "sim/server_app.h"
#include "sim/world.h"

namespace mirrorlab::sim {

struct World::Connection final : TcpUser {
  Connection(World& w, Role r, Stream& s, const TcpSettings& tcp, const wire::FlowKey& flow,
             wire::Seq isn)
      : world(w), role(r), stream(s), endpoint(tcp, flow, isn, *this) {}

  void send_packet(const wire::TcpHeader& header, wire::Bytes payload) override {
    constexpr Hop kOut[] = {Hop::client_to_online, Hop::online_to_client, Hop::test_to_intercept};
    world.send(kOut[static_cast<size_t>(role)], header, payload,
               role == Role::client ? stream.id : kNoStream);
  }
  void received(int64_t offset, wire::Bytes data) override {
    if (role == Role::online) {
      world.judge_.on_online_delivered(stream, offset, data, world.now_);
    } else if (role == Role::test) {
      world.judge_.on_delivered(evidence(), server->start() + offset, data, world.now_);
    }
  }
  [[nodiscard]] MirroredConnection& evidence() { return world.judge_.mirrored()[mirrored]; }

  World& world;
  Role role;
  Stream& stream;
  TcpEndpoint endpoint;
  std::unique_ptr<Application> app;
  ServerApp* server = nullptr;  // app, at the servers
  size_t mirrored = SIZE_MAX;   // index of the evidence, at the test host once it is established
  uint32_t id = 0;
  Nanos timer_at = kNever;
  bool ended = false;
};

}  // namespace mirrorlab::sim
