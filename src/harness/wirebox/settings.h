// What a link does to the packets of one direction. The default does nothing.
#pragma once

#include <cstdint>

#include "os/clock.h"

namespace mirrorlab::wirebox {

struct Settings {
  os::Nanos delay = 0;
  os::Nanos jitter = 0;      // +- around the delay, evenly; never changes the order
  uint64_t rate_bits = 0;    // per second, Ethernet header included; 0: no limit
  uint64_t queue_bytes = 0;  // that may wait for the rate; 0: 50 ms of it, at least 32 KiB
  double loss = 0;           // share of packets
  double burst = 1;          // mean length of a loss burst, in packets of a flow
  double reorder = 0;        // share of packets that are overtaken by the next 1 to 3 of their flow
  double duplicate = 0;
  double corrupt = 0;  // one bit is flipped
  uint32_t mtu = 0;    // larger IP packets vanish, as in a black hole; 0: no limit
  bool down = false;   // nothing passes

  bool operator==(const Settings&) const = default;
};

}  // namespace mirrorlab::wirebox
