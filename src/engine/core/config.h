// What session sync can be told. Rule numbers (S1..S13) are those of docs/SESSION-SYNC.md.
#pragma once

#include <cstdint>
#include <vector>

#include "wire/flow.h"

namespace mirrorlab::engine {

// Nanoseconds on a monotonic clock of the caller; the core never reads a clock.
using Nanos = int64_t;
inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;
inline constexpr Nanos kNever = INT64_MAX;

// Connections to `online` are mirrored to `test`. An unspecified online address matches any.
struct Mapping {
  wire::Endpoint online;
  wire::Endpoint test;
};

enum class AckPolicy : uint8_t {
  eager,   // ack the test host's data as it arrives
  client,  // ack no faster than the real client did (a slow reader stays one)
};
enum class Pace : uint8_t {
  think,  // keep the client's think time (S4)
  none,   // send as soon as the turn rule allows
};

struct Config {
  std::vector<Mapping> mappings;
  AckPolicy ack = AckPolicy::eager;
  Pace pace = Pace::think;
  bool wait_for_answers = true;  // S3; --no-wait clears it
  bool whole_only = false;       // S9: leave out connections joined in the middle
  bool reopen = true;            // S8: a client that goes on gets a new mirrored connection
  uint16_t mtu = 1500;           // of the path to the test host

  Nanos turn_hold_limit = 5 * kSecond;         // S3: then turn_released_by_timeout
  Nanos turn_quiet_floor = 25 * kMillisecond;  // S3: once this session's answers differ
  Nanos turn_quiet_patience = 1 * kSecond;     // S3: before they were ever seen to differ
  // S3: added to both where packets of the test host were lost of late: a retransmission of the end
  // of the answer, which comes after 200 ms and a round trip, may still be on its way.
  Nanos turn_quiet_repair = 300 * kMillisecond;
  Nanos loss_memory = 60 * kSecond;   // how long "of late" is
  Nanos gap_grace = 2 * kSecond;      // S2: hole, and proof that the online host took it, or reset
  Nanos gap_timeout = 120 * kSecond;  // S2: hole, and no such proof (RFC 9293 R2: 100 s or more)
  Nanos handshake_timeout = 30 * kSecond;  // S1, S11
  Nanos refused_timeout = 5 * kSecond;     // S1: refused again and again
  Nanos idle_timeout = 3600 * kSecond;     // S11
  Nanos fin_wait_timeout = 60 * kSecond;  // client closed, test host does not (RFC 9293 FIN-WAIT-2)
  Nanos user_timeout = 120 * kSecond;     // nothing heard although sending (RFC 9293 R2)
  Nanos stall_timeout = 600 * kSecond;    // heard, but no byte taken (a window that stays closed)
  Nanos time_wait = 4 * kSecond;          // finished twins answer retransmitted FINs this long
  Nanos rto_min = 200 * kMillisecond;     // as Linux; RFC 6298 says 1 s
  Nanos rto_max = 8 * kSecond;
  Nanos ack_hold_limit = 500 * kMillisecond;  // AckPolicy::client: then ack all the same

  uint64_t max_session_bytes = 64ULL << 20;  // S11: buffered for one session
  uint32_t max_out_of_order = 8192;          // S11: segments waiting behind one session's hole
  uint64_t max_total_bytes = 2ULL << 30;     // S11: buffered in all
  uint32_t max_sessions = 2'000'000;         // S11
};

}  // namespace mirrorlab::engine
