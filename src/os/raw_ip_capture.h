// PacketSource over raw IP sockets: what this host's own IP layer delivers to TCP.
//
// Fragments are whole by then, and no other host's packets are seen. IPv6 comes without its header:
// the addresses are those of the socket's messages. Whether a checksum is still open is not said,
// so it is read from the field. No fan-out. A full buffer drops packets of other ports as well, and
// kernel_drops cannot tell them from the mapped ones.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "os/fd.h"
#include "os/packet_intake.h"
#include "os/receive_batch.h"

namespace mirrorlab::os {

class RawIpCapture : public PacketSource {
 public:
  static tl::expected<RawIpCapture, std::string> open(const CaptureOptions& options);
  [[nodiscard]] int fd() const override { return both_.get(); }
  bool read(const Take& take) override;
  [[nodiscard]] const CaptureCounters& counters() override;

 private:
  bool read_v4(const Take& take);
  bool read_v6(const Take& take);
  int receive(int fd);

  Fd v4_;
  Fd v6_;    // not open where IPv6 is off
  Fd both_;  // epoll
  ReceiveBatch batch_;
  PacketIntake intake_;
};

}  // namespace mirrorlab::os
