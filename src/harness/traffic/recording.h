// The service's own account of its connections: one JSON line for each, written when it ends.
// Independent of the engines and of the taps (docs/VERIFIER.md).
//
// A turn is a request with its answer; five numbers each: bytes and 32-bit digest of the request,
// bytes of the answer, the read that brought the request's first byte, and the read count when the
// kernel had taken the whole answer (0: it never had). An answer preceded a request when it was
// taken before the read that brought the request: 0 < answered < came.
// Bounded: kMaxTurns turns per connection; more are counted as left out.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/clock.h"
#include "os/fd.h"
#include "wire/flow.h"
#include "wire/stream_digest.h"

namespace mirrorlab::traffic {

struct Turn {
  uint32_t request_bytes = 0;
  uint32_t request_digest = 0;
  uint32_t answer_bytes = 0;
  uint32_t came = 0;      // number (from 1) of the read that brought its first byte
  uint32_t answered = 0;  // reads done when the kernel had taken the whole answer; 0: never
};

struct ConnectionRecord {
  static constexpr size_t kMaxTurns = 65536;
  wire::Endpoint client;
  os::Nanos accepted_at = 0;  // wall clock
  os::Nanos closed_at = 0;
  wire::StreamDigest received, sent;
  uint64_t requests = 0;
  std::string close = "open";  // client, client_reset, service, service_reset, open
  std::vector<Turn> turns;
  uint64_t turns_left_out = 0;
};

class Recording {
 public:
  // An empty path records nothing.
  static tl::expected<Recording, std::string> open(const std::string& path);
  void add(const ConnectionRecord& record);
  // Writes what is batched. Call it at the end; add() does it whenever 64 KiB have come together.
  tl::expected<void, std::string> flush();
  [[nodiscard]] bool on() const { return fd_.valid(); }

 private:
  os::Fd fd_;
  std::string path_;
  std::string batch_;
  std::string failure_;
};

}  // namespace mirrorlab::traffic
