// PacketSource over a packet socket of the current network namespace.
//
// A kernel filter keeps everything else away. A checksum that an offload left open is as good as
// valid; one that nobody vouched for is verified here. Outgoing packets are never seen, thus not
// the engine's own either, unless they come back in over lo.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"
#include "os/packet_source.h"

namespace mirrorlab::os {

struct CaptureOptions {
  std::string device;           // empty: all
  std::vector<uint16_t> ports;  // destination ports
  size_t buffer_bytes = 64U << 20U;
};

class PacketCapture : public PacketSource {
 public:
  static tl::expected<PacketCapture, std::string> open(const CaptureOptions& options);
  [[nodiscard]] int fd() const override { return fd_.get(); }
  bool read(const Take& take) override;
  [[nodiscard]] const CaptureCounters& counters() override;

 private:
  struct Batch;
  void take_one(const Batch& batch, size_t i, size_t length, const Take& take);

  Fd fd_;
  bool all_devices_ = true;
  std::vector<uint8_t> buffers_;
  CaptureCounters counters_;
};

}  // namespace mirrorlab::os
