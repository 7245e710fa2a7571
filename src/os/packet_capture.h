// PacketSource over a packet socket of the current network namespace, each packet as it comes.
//
// The lowest latency, at a wake-up per packet when few come. A kernel filter keeps everything else
// away. Outgoing packets are never seen, thus not the engine's own either, unless they come back
// in over lo.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "os/fd.h"
#include "os/packet_intake.h"
#include "os/port_filter.h"
#include "os/receive_batch.h"

namespace mirrorlab::os {

class PacketCapture : public PacketSource {
 public:
  static tl::expected<PacketCapture, std::string> open(const CaptureOptions& options) {
    return open(options, port_filter(options.ports));
  }
  static tl::expected<PacketCapture, std::string> open(const CaptureOptions& options,
                                                       const std::vector<sock_filter>& filter);
  [[nodiscard]] int fd() const override { return fd_.get(); }
  bool read(const Take& take) override;
  [[nodiscard]] const CaptureCounters& counters() override;

 private:
  void take_one(size_t i, const Take& take);

  Fd fd_;
  bool all_devices_ = true;
  ReceiveBatch batch_;
  PacketIntake intake_;
};

}  // namespace mirrorlab::os
