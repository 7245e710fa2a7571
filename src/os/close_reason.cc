#include "os/close_reason.h"

namespace mirrorlab::os {

const char* to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::none:
      return "none";
    case CloseReason::closed_by_peer:
      return "closed_by_peer";
    case CloseReason::io_error:
      return "io_error";
    case CloseReason::malformed_frame:
      return "malformed_frame";
    case CloseReason::early_frame:
      return "early_frame";
    case CloseReason::repeated_hello:
      return "repeated_hello";
    case CloseReason::key_required:
      return "key_required";
    case CloseReason::key_missing:
      return "key_missing";
    case CloseReason::wrong_key:
      return "wrong_key";
    case CloseReason::refused:
      return "refused";
    case CloseReason::hello_timeout:
      return "hello_timeout";
    case CloseReason::silent:
      return "silent";
  }
  return "?";
}

}  // namespace mirrorlab::os
