// Where the test host's replies are taken away: each is read once, and dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "os/clock.h"
#include "wire/bytes.h"

namespace mirrorlab::intercept {

struct ReplyCounters {
  uint64_t packets = 0;
  uint64_t batches = 0;         // drop verdicts
  uint64_t receive_errors = 0;  // the kernel dropped replies whose headers it could not queue
  uint64_t verdict_errors = 0;
  uint64_t malformed = 0;  // without a packet, or without a header that can be read

  ReplyCounters& operator+=(const ReplyCounters& more) {
    packets += more.packets;
    batches += more.batches;
    receive_errors += more.receive_errors;
    verdict_errors += more.verdict_errors;
    malformed += more.malformed;
    return *this;
  }
};

class ReplySource {
 public:
  // The packet's first bytes, from the IP header on, valid during the call only; and its length
  // before it was cut.
  using Take = std::function<void(wire::Bytes, size_t wire_bytes)>;
  virtual ~ReplySource() = default;
  [[nodiscard]] virtual int fd() const = 0;
  // Reads what waits, within bounds, hands it to `take`, and drops it.
  virtual tl::expected<void, std::string> read(const Take& take) = 0;
  // When to read again although fd() is silent, from now on; kNever: fd() tells.
  [[nodiscard]] virtual os::Nanos read_again_after() const { return os::kNever; }
  // Before fd() is waited for. False: something has come already.
  virtual bool listen() { return true; }
  // What is read comes by many as it is; nothing is won by waiting for more.
  [[nodiscard]] virtual bool gathers() const { return false; }
  [[nodiscard]] virtual ReplyCounters counters() = 0;
};

}  // namespace mirrorlab::intercept
