// The closed list of places where a session or a byte range can die (S12).
#pragma once

#include <cstddef>
#include <cstdint>

namespace mirrorlab::engine {

enum class LossReason : uint8_t {
  none,                 // not lost
  before_capture,       // joined in the middle: bytes before the first turn boundary
  not_whole,            // --whole-only: connection without a captured SYN
  capture_gap,          // never captured, or fell with bytes that were not
  handshake_timeout,    // the test host never completed the handshake
  handshake_refused,    // the test host answered every SYN with RST
  test_reset,           // the test host reset the mirrored connection
  test_closed_first,    // the test host closed and took no more
  test_unreachable,     // no ack progress within the user timeout
  test_stalled,         // the test host answered, but took no byte within the stall timeout
  superseded,           // a new SYN took the 4-tuple before the old stream was complete
  tuple_collision,      // two online connections map to one mirrored 4-tuple
  session_bytes_limit,  // buffered bytes of one session
  total_bytes_limit,    // buffered bytes in all
  session_limit,        // number of sessions
  idle_timeout,         // neither side was heard of
  shutdown,             // the engine was stopped with bytes pending
  count_
};
inline constexpr size_t kLossReasons = static_cast<size_t>(LossReason::count_);

[[nodiscard]] const char* to_string(LossReason reason);

}  // namespace mirrorlab::engine
