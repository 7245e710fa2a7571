// PacketSource over a TPACKET_V3 ring of the current network namespace: the default.
//
// Packets are read where the kernel put them. Wake-ups come once a block, or once a millisecond,
// so that an online host pays little for them; that is also how late a packet may be.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "os/packet_intake.h"
#include "os/packet_ring.h"

namespace mirrorlab::os {

class RingCapture : public PacketSource {
 public:
  static tl::expected<RingCapture, std::string> open(const CaptureOptions& options);
  [[nodiscard]] int fd() const override { return ring_.fd(); }
  bool read(const Take& take) override;
  [[nodiscard]] const CaptureCounters& counters() override;

 private:
  RingCapture(PacketRing ring, bool all_devices)
      : ring_(std::move(ring)), all_devices_(all_devices) {}
  void take_one(const PacketRing::Packet& packet, const Take& take);

  PacketRing ring_;
  bool all_devices_;
  PacketIntake intake_;
};

}  // namespace mirrorlab::os
