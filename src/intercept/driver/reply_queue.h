// The kernel queue of replies (NFQUEUE): headers are read in batches, and every packet is dropped
// in a way that lets the test host believe it left. Never bypassed: when nobody reads, replies are
// dropped by the kernel (fail closed, S13).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"
#include "wire/bytes.h"

namespace mirrorlab::intercept {

struct QueueCounters {
  uint64_t packets = 0;
  uint64_t batches = 0;
  uint64_t receive_errors = 0;  // ENOBUFS: the kernel dropped replies it could not queue
};

class ReplyQueue {
 public:
  static tl::expected<ReplyQueue, std::string> open(uint16_t number);
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Reads what waits, hands each packet's first bytes to `take`, and drops the batch.
  tl::expected<void, std::string> read(const std::function<void(wire::Bytes)>& take);
  [[nodiscard]] const QueueCounters& counters() const { return counters_; }

 private:
  os::Fd fd_;
  uint16_t number_ = 0;
  std::vector<uint8_t> buffers_;
  QueueCounters counters_;
};

}  // namespace mirrorlab::intercept
