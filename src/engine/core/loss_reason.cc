#include "engine/core/loss_reason.h"

namespace mirrorlab::engine {

const char* to_string(LossReason reason) {
  switch (reason) {
    case LossReason::none:
      return "none";
    case LossReason::before_capture:
      return "before_capture";
    case LossReason::not_whole:
      return "not_whole";
    case LossReason::capture_gap:
      return "capture_gap";
    case LossReason::handshake_timeout:
      return "handshake_timeout";
    case LossReason::handshake_refused:
      return "handshake_refused";
    case LossReason::test_reset:
      return "test_reset";
    case LossReason::test_closed_first:
      return "test_closed_first";
    case LossReason::test_unreachable:
      return "test_unreachable";
    case LossReason::test_stalled:
      return "test_stalled";
    case LossReason::superseded:
      return "superseded";
    case LossReason::tuple_collision:
      return "tuple_collision";
    case LossReason::session_bytes_limit:
      return "session_bytes_limit";
    case LossReason::total_bytes_limit:
      return "total_bytes_limit";
    case LossReason::session_limit:
      return "session_limit";
    case LossReason::idle_timeout:
      return "idle_timeout";
    case LossReason::shutdown:
      return "shutdown";
    case LossReason::count_:
      break;
  }
  return "?";
}

}  // namespace mirrorlab::engine
