// What the kernel knows of the box and of a namespace's connections, for the evidence.
#pragma once

#include <cstdint>

#include "harness/scenario/model.h"
#include "harness/verify/requests.h"

namespace mirrorlab::cli {

struct BoxDrops {
  uint64_t softnet = 0;  // packets that found the backlog of a CPU full, since boot
};
[[nodiscard]] BoxDrops box_drops();

// In the current network namespace: packets that its devices dropped, receiving or sending, but lo.
[[nodiscard]] uint64_t interface_drops();

// In the current network namespace: connections that a service on `port` still has, other than in
// TIME-WAIT.
[[nodiscard]] uint64_t open_connections(uint16_t port);

// How requests to a service are told apart.
[[nodiscard]] verify::Protocol protocol_of(const scenario::Service& service);

}  // namespace mirrorlab::cli
