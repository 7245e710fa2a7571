// The closed list of why a header-return connection ends, for counters.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mirrorlab::os {

enum class CloseReason : uint8_t {
  none,
  closed_by_peer,
  io_error,         // reset, timed out, unreachable
  malformed_frame,  // wire::FrameError says which
  early_frame,      // anything but a hello before the hello
  repeated_hello,
  key_required,   // the other side has a key, this one has none
  key_missing,    // the other way round
  wrong_key,      // proof does not match
  refused,        // the other side said so in an error frame
  hello_timeout,  // connected, but did not finish the hello
  silent,         // no heartbeat
};
inline constexpr size_t kCloseReasons = 12;
[[nodiscard]] const char* to_string(CloseReason reason);

}  // namespace mirrorlab::os
