// Where the test host's replies are taken away: each is read once, and dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "wire/bytes.h"

namespace mirrorlab::intercept {

struct ReplyCounters {
  uint64_t packets = 0;
  uint64_t batches = 0;         // drop verdicts
  uint64_t receive_errors = 0;  // ENOBUFS: the kernel dropped replies it could not queue
  uint64_t verdict_errors = 0;
  uint64_t malformed = 0;  // netlink messages without a packet
};

class ReplySource {
 public:
  // The packet's first bytes, from the IP header on; valid during the call only.
  using Take = std::function<void(wire::Bytes)>;
  virtual ~ReplySource() = default;
  [[nodiscard]] virtual int fd() const = 0;
  // Reads what waits, within bounds, hands it to `take`, and drops it.
  virtual tl::expected<void, std::string> read(const Take& take) = 0;
  [[nodiscard]] virtual const ReplyCounters& counters() const = 0;
};

}  // namespace mirrorlab::intercept
