#include "harness/wirebox/fault_plan.h"

#include "harness/wirebox/flow_table.h"

namespace mirrorlab::wirebox {

FaultPlan::FaultPlan(std::span<const Fault> faults, Direction direction) {
  for (const Fault& f : faults) {
    if (f.direction != direction || f.kind == FaultKind::pool_full) continue;
    Fate& fate = fates_[{flow_identity(f.flow, f.protocol, f.number), f.ordinal}];
    switch (f.kind) {
      case FaultKind::duplicate:
        fate.duplicated = true;
        break;
      case FaultKind::corrupt:
        fate.corrupted = true;
        fate.corrupt_bit = f.detail;
        break;
      case FaultKind::reorder:
        fate.overtaken_by = static_cast<uint8_t>(f.detail);
        break;
      default:
        fate.lost = true;
        fate.cause = static_cast<Cause>(f.kind);
    }
  }
}

}  // namespace mirrorlab::wirebox
