// What the built-in service says: one class per mode. Bytes in, turns and answers out; no sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/traffic/options.h"

namespace mirrorlab::traffic {

struct Answer {
  std::string head;     // sent as it is
  uint64_t filler = 0;  // then so many bytes
  bool none = false;    // nothing is ever answered to this turn
  bool close = false;   // after it the service closes
  bool reset = false;   // and does so by RST
  uint64_t delay_ns = 0;
};

// What a dialogue tells the connection, in the order of the stream.
class TurnSink {
 public:
  virtual ~TurnSink() = default;
  virtual void on_turn_bytes(std::string_view bytes) = 0;  // belong to the turn under way
  virtual void on_turn_end(Answer answer) = 0;
  // Text in the middle of a turn: 100 Continue, the 354 of DATA.
  virtual void say(std::string_view text) = 0;
  // Between turns: the service closes, behind what it has said.
  virtual void hang_up(bool reset, uint64_t delay_ns) = 0;
};

class ServiceDialogue {
 public:
  virtual ~ServiceDialogue() = default;
  virtual void begin(TurnSink&) {}
  virtual void take(std::string_view bytes, TurnSink& sink) = 0;
};

// `options` outlives the dialogue; `client` is who the connection comes from.
[[nodiscard]] std::unique_ptr<ServiceDialogue> make_dialogue(const ServiceOptions& options,
                                                             const wire::Endpoint& client);
// The server's part of the conversation that the client's port names.
[[nodiscard]] std::unique_ptr<ServiceDialogue> make_replay_service(const ServiceOptions& options,
                                                                   uint16_t client_port);

}  // namespace mirrorlab::traffic
