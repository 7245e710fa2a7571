// What a service wrote of its own connections (src/harness/traffic/recording.h): evidence at
// application level.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "wire/flow.h"

namespace mirrorlab::verify {

struct RecordedTurn {
  uint32_t request_bytes = 0, request_digest = 0, answer_bytes = 0;
  uint32_t came = 0;      // the read that brought it, from 1
  uint32_t answered = 0;  // reads done when its answer was on its way; 0: never
};

struct RecordedConnection {
  wire::Endpoint client;
  int64_t accepted_ns = 0;
  uint64_t bytes = 0, digest = 0, answer_bytes = 0, answer_digest = 0, requests = 0;
  std::string close;  // client, client_reset, service, service_reset, timeout, open
  std::vector<RecordedTurn> turns;
  uint64_t turns_left_out = 0;
};

struct Recording {
  std::vector<RecordedConnection> connections;  // in the order of their ends
};

// A file that is not there or not whole is an error: evidence must not vanish silently.
[[nodiscard]] tl::expected<Recording, std::string> read_recording(const std::string& path);

}  // namespace mirrorlab::verify
