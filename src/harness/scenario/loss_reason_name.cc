#include "harness/scenario/loss_reason_name.h"

#include <array>

namespace mirrorlab::scenario {

std::span<const std::string> loss_reason_names() {
  static const std::array<std::string, 19> kNames{
      "before_capture",    "not_whole",     "capture_gap",       "handshake_timeout",
      "handshake_refused", "test_reset",    "test_closed_first", "test_unreachable",
      "test_stalled",      "superseded",    "tuple_collision",   "session_bytes_limit",
      "total_bytes_limit", "session_limit", "idle_timeout",      "shutdown",
      "unexplained",       "copy_outage",   "never_captured"};
  return kNames;
}

}  // namespace mirrorlab::scenario
