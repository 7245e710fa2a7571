// Where the requests of a client's stream end, by protocol. Incremental and linear; holds at most
// one line or head.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/verify/connections.h"

namespace mirrorlab::verify {

enum class Protocol : uint8_t {
  turns,  // any other: what the client sends between two answers counts as one request
  http,   // HTTP/1.1: Content-Length and chunked
  resp,   // Redis: arrays of bulk strings, and inline commands
};

// Stream offsets right behind each whole request; nothing beyond the first that makes no sense.
[[nodiscard]] std::vector<int64_t> request_ends(const Connection& connection, Protocol protocol);

// A turn: what a client sends having seen more of the answers than before.
struct TurnStart {
  int64_t offset = 0;
  int64_t acked = 0;  // answer bytes seen by then
  int64_t time_ns = 0;
};
[[nodiscard]] std::vector<TurnStart> turn_starts(const Connection& connection);

}  // namespace mirrorlab::verify
