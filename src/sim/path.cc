#include "sim/path.h"

#include <algorithm>

namespace mirrorlab::sim {

Fate Path::send(FaultPlan& plan, uint32_t slot, size_t bytes, Nanos now) {
  Fate fate;
  Nanos leave = now;
  if (settings_.bytes_per_second != 0) {
    leave = std::max(now, free_at_);
    if (leave - now > settings_.queue) {
      fate.lost = fate.overflow = true;
      return fate;
    }
    leave += static_cast<Nanos>(bytes * 1'000'000'000 / settings_.bytes_per_second);
    free_at_ = leave;
  }
  Nanos arrival = leave + settings_.delay + random_.between(0, settings_.jitter);
  arrival = std::max(arrival, last_arrival_);
  bool late = false;
  for (const Fault& fault : plan.packet_faults(hop_, slot, settings_.rates)) {
    switch (fault.kind) {
      case FaultKind::loss:
      case FaultKind::corruption:
        fate.lost = true;
        break;
      case FaultKind::duplicate:
        fate.duplicate = arrival + settings_.late_by / 2;
        break;
      case FaultKind::delay:
        late = true;
        break;
      case FaultKind::truncation:
        fate.truncated = true;
        break;
      default:
        break;
    }
  }
  if (fate.lost) {
    fate.duplicate = kNever;
    return fate;
  }
  if (late) {
    arrival += settings_.late_by;
  } else {
    last_arrival_ = arrival;
  }
  fate.first = arrival;
  return fate;
}

}  // namespace mirrorlab::sim
