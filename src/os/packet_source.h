// Where the copy engine's packets come from: inbound TCP packets, whole, from the IP header on.
#pragma once

#include <cstdint>
#include <functional>

#include "wire/packet.h"

namespace mirrorlab::os {

struct CaptureCounters {
  uint64_t packets = 0;       // handed on
  uint64_t kernel_drops = 0;  // the buffer was full: --capture-buffer
  uint64_t bad_checksum = 0;
  uint64_t fragments = 0;   // IP fragments: their stream bytes become a capture gap
  uint64_t malformed = 0;   // truncated, bad header, not TCP
  uint64_t not_for_us = 0;  // link-layer address of another host, or sent by this one
  uint64_t vlan_outer = 0;  // seen again on its VLAN device
  uint64_t buffer_bytes = 0;
  uint64_t read_errors = 0;  // e.g. the device went down; the capture goes on
};

class PacketSource {
 public:
  using Take = std::function<void(const wire::TcpPacket&)>;
  virtual ~PacketSource() = default;
  // Readable when packets wait.
  [[nodiscard]] virtual int fd() const = 0;
  // Reads one batch; true when there may be more. A packet is valid during its call only.
  virtual bool read(const Take& take) = 0;
  [[nodiscard]] virtual const CaptureCounters& counters() = 0;
};

}  // namespace mirrorlab::os
