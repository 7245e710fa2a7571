// What the kernel knows of the box and of a namespace's connections, for the evidence.
#pragma once

#include <cstdint>
#include <istream>

#include "harness/scenario/model.h"
#include "harness/verify/requests.h"

namespace mirrorlab::cli {

struct BoxDrops {
  uint64_t softnet = 0;  // packets that found the backlog of a CPU full, since boot
};
[[nodiscard]] BoxDrops box_drops();

struct OpenConnections {
  uint64_t open = 0;     // other than in TIME-WAIT
  uint64_t closing = 0;  // of these: a FIN was sent and not acked yet, so the kernel repeats it
  bool operator==(const OpenConnections&) const = default;
};
// In the current network namespace: connections that a service on `port` still has.
[[nodiscard]] OpenConnections open_connections(uint16_t port);
// The same from the text of /proc/net/tcp or tcp6.
[[nodiscard]] OpenConnections open_connections(std::istream& table, uint16_t port);

// How requests to a service are told apart.
[[nodiscard]] verify::Protocol protocol_of(const scenario::Service& service);

}  // namespace mirrorlab::cli
