// Where the core's output goes. Calls happen inside Core's entry points, on the caller's thread.
#pragma once

#include <cstdint>

#include "engine/core/loss_reason.h"
#include "wire/bytes.h"
#include "wire/flow.h"
#include "wire/packet.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

struct SessionReport {
  wire::FlowKey online;  // client and the online service it talked to
  wire::Endpoint test;
  wire::Seq first_seq;                   // of stream offset 0, as the client numbered it
  LossReason reason = LossReason::none;  // first loss; none: mirrored exactly
  uint64_t bytes_captured = 0;
  uint64_t bytes_mirrored = 0;
  uint64_t bytes_lost = 0;
  uint64_t answer_bytes = 0;
  uint32_t turns = 0;
  uint32_t connections = 0;   // mirrored connections opened for it
  bool end_captured = false;  // false: what the client sent last may never have been seen
};

class Sink {
 public:
  virtual ~Sink() = default;
  // One packet toward the test host: at most Config::mtu bytes with its headers. The payload is
  // valid during the call only. Never fails for the core: what the network loses, S5 repairs.
  virtual void transmit(const wire::TcpHeader& header, wire::Bytes payload) = 0;
  // This engine owns replies to `mirrored` from now on / no longer.
  virtual void claim(const wire::FlowKey& mirrored) = 0;
  virtual void unclaim(const wire::FlowKey& mirrored) = 0;
  virtual void on_session_end(const SessionReport&) {}
};

}  // namespace mirrorlab::engine
