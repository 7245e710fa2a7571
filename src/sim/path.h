// One direction of one link: how long a packet takes, and which packets do not arrive as sent.
#pragma once

#include "sim/event_queue.h"
#include "sim/fault.h"

namespace mirrorlab::sim {

struct PathSettings {
  Nanos delay = kMillisecond;
  Nanos jitter = 0;                  // never changes the order; faults do
  Nanos late_by = 5 * kMillisecond;  // of a delayed packet
  uint64_t bytes_per_second = 0;     // 0: no limit
  Nanos queue = 200 * kMillisecond;  // with a limit: what would wait longer is dropped
  Rates rates;
};

struct Fate {
  Nanos first = kNever;  // arrival; kNever: none
  Nanos duplicate = kNever;
  bool truncated = false;
  bool lost = false;
  bool overflow = false;  // lost to a full queue
};

class Path {
 public:
  Path(Hop hop, const PathSettings& settings, uint64_t seed)
      : hop_(hop), settings_(settings), random_(mix(seed, static_cast<uint64_t>(hop))) {}
  Fate send(FaultPlan& plan, uint32_t slot, size_t bytes, Nanos now);

 private:
  Hop hop_;
  PathSettings settings_;
  Random random_;
  Nanos last_arrival_ = 0;
  Nanos free_at_ = 0;
};

}  // namespace mirrorlab::sim
