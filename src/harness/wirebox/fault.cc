#include "harness/wirebox/fault.h"

namespace mirrorlab::wirebox {

const char* to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::down:
      return "down";
    case FaultKind::too_long:
      return "too_long";
    case FaultKind::loss:
      return "loss";
    case FaultKind::queue:
      return "queue";
    case FaultKind::pool_full:
      return "pool_full";
    case FaultKind::duplicate:
      return "duplicate";
    case FaultKind::corrupt:
      return "corrupt";
    case FaultKind::reorder:
      return "reorder";
  }
  return "?";
}

const char* to_string(Cause cause) { return to_string(static_cast<FaultKind>(cause)); }

}  // namespace mirrorlab::wirebox
