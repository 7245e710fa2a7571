// Inbound TCP packets for a set of ports, from the packet socket of the current network namespace.
//
// A kernel filter keeps everything else away. Packets begin at the IP header. A checksum that an
// offload left open is as good as valid; one that nobody vouched for is verified here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"
#include "wire/packet.h"

namespace mirrorlab::os {

struct CaptureCounters {
  uint64_t packets = 0;
  uint64_t kernel_drops = 0;
  uint64_t bad_checksum = 0;
  uint64_t fragments = 0;
  uint64_t malformed = 0;   // truncated, bad header, not TCP
  uint64_t not_for_us = 0;  // link-layer address of another host, or sent by this one
};

class PacketCapture {
 public:
  // `device`: empty for all. `ports`: destination ports.
  static tl::expected<PacketCapture, std::string> open(const std::string& device,
                                                       const std::vector<uint16_t>& ports);
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Reads one batch; true when there may be more.
  bool read(const std::function<void(const wire::TcpPacket&)>& take);
  [[nodiscard]] const CaptureCounters& counters();

 private:
  os::Fd fd_;
  std::vector<uint8_t> buffers_;
  CaptureCounters counters_;
};

}  // namespace mirrorlab::os
