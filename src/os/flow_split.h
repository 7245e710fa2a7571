// Which of several threads a client belongs to: a hash of its address and port, so that all its
// connections, whatever they lead to, are on one thread. The kernel computes the same by
// fanout_program() (PACKET_FANOUT_CBPF) for packets whose port is at its usual place.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "wire/flow.h"

namespace mirrorlab::os {

struct FlowSplit {
  uint32_t index = 0;
  uint32_t count = 1;

  [[nodiscard]] bool mine(const wire::Endpoint& client) const;
};

[[nodiscard]] uint32_t owner_of(const wire::Endpoint& client, uint32_t count);
// Works on packets that begin at the IP header; returns the owner.
[[nodiscard]] std::vector<sock_filter> fanout_program(uint32_t count);

}  // namespace mirrorlab::os
