// The bare loop beside ReplyQueue: the same system calls on the same socket (64 messages a
// recvmmsg, one verdict a batch), and nothing looked at but the last packet's number.
#pragma once

#include <vector>

#include "intercept/driver/reply_source.h"

namespace mirrorlab::bench {

class BareQueue : public intercept::ReplySource {
 public:
  BareQueue(int fd, uint16_t number) : fd_(fd), number_(number), buffers_(kBatch * kBufferBytes) {}
  [[nodiscard]] int fd() const override { return fd_; }
  tl::expected<void, std::string> read(const Take& take) override;
  [[nodiscard]] intercept::ReplyCounters counters() override { return {}; }

 private:
  static constexpr size_t kBatch = 64;
  static constexpr size_t kBufferBytes = 4096;
  int fd_;
  uint16_t number_;
  std::vector<uint8_t> buffers_;
};

}  // namespace mirrorlab::bench
