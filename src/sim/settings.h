// All of one run, made from its seed: hosts, paths, conversations, the engine's configuration and
// the times at which something breaks.
#pragma once

#include <vector>

#include "engine/core/config.h"
#include "sim/conversation.h"
#include "sim/path.h"
#include "sim/scenario.h"
#include "sim/tcp_settings.h"

namespace mirrorlab::sim {

struct SlotSettings {  // one 4-tuple of one client
  wire::Endpoint client;
  TcpSettings tcp;
  uint32_t first_isn = 0;
  std::vector<Conversation> conversations;  // one after the other
};

struct TimedFault {
  Nanos at = 0;
  Nanos lasts = 0;
  Fault fault;
};

struct Settings {
  uint64_t seed = 0;
  Features features = 0;
  wire::Endpoint online, test;
  TcpSettings online_tcp, test_tcp;
  std::vector<SlotSettings> slots;
  PathSettings paths[static_cast<size_t>(Hop::count_)];
  engine::Config core;
  Nanos engine_batch = 0;                 // how long packets and records wait for the engine's turn
  uint64_t engine_segments = UINT64_MAX;  // about so many are sent in one turn of the engine
  Nanos engine_starts = 0;
  Nanos link_reconnect = 50 * kMillisecond;
  std::vector<TimedFault> timed;
};

[[nodiscard]] Settings make_settings(uint64_t seed, const Scenario& scenario);
[[nodiscard]] Conversation make_conversation(Random& random, Features features);

}  // namespace mirrorlab::sim
