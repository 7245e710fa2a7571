// ReplySource over a kernel queue (NFQUEUE): read in batches, dropped in a way that lets the test
// host believe the packet left. Never bypassed: when nobody reads, the kernel drops (fail closed,
// S13).
#pragma once

#include <vector>

#include "intercept/driver/reply_source.h"
#include "os/fd.h"

namespace mirrorlab::intercept {

class ReplyQueue : public ReplySource {
 public:
  // What the kernel is asked for; --check only tries it.
  static tl::expected<ReplyQueue, std::string> open(uint16_t number, uint32_t length);
  [[nodiscard]] int fd() const override { return fd_.get(); }
  tl::expected<void, std::string> read(const Take& take) override;
  [[nodiscard]] ReplyCounters counters() override { return counters_; }

 protected:
  // The verdict on every packet up to this one.
  virtual void drop_up_to(uint32_t packet_id);
  void send_verdict(int message_type, uint32_t packet_id, uint32_t verdict);

 private:
  // Reads one batch; how many messages there were.
  tl::expected<int, std::string> read_batch(const Take& take);
  os::Fd fd_;
  uint16_t number_ = 0;
  std::vector<uint8_t> buffers_;
  ReplyCounters counters_;
};

}  // namespace mirrorlab::intercept
