// PacketSource over a TPACKET_V3 ring of the current network namespace: the default.
//
// Packets are read where the kernel put them. Wake-ups come once a block, or once in four
// milliseconds, so that an online host pays little for them; that is also how late a packet may be.
// Of several threads each has its ring; the kernel shares the packets out by client
// (PACKET_FANOUT). Fragments and packets with extension headers, whose port it cannot find, come to
// every thread by a second socket, and each takes its own.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "os/fd.h"
#include "os/packet_capture.h"
#include "os/packet_intake.h"
#include "os/packet_ring.h"

namespace mirrorlab::os {

class RingCapture : public PacketSource {
 public:
  static tl::expected<RingCapture, std::string> open(const CaptureOptions& options);
  [[nodiscard]] int fd() const override { return strays_ ? both_.get() : ring_.fd(); }
  void begin() override;
  bool read(const Take& take) override;
  [[nodiscard]] bool unread() override;
  [[nodiscard]] const CaptureCounters& counters() override;

 private:
  RingCapture(PacketRing ring, bool all_devices)
      : ring_(std::move(ring)), all_devices_(all_devices) {}
  tl::expected<void, std::string> share(const CaptureOptions& options);
  void take_one(const PacketRing::Packet& packet, const Take& take);

  PacketRing ring_;
  bool all_devices_;
  PacketIntake intake_;
  CaptureCounters sum_;
  std::vector<uint16_t> ports_;
  std::unique_ptr<PacketCapture> strays_;  // with several threads
  Fd both_;                                // epoll
};

}  // namespace mirrorlab::os
