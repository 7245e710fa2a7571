// Packets of many clients toward one endpoint, written into frames that stand ready, and sent by
// sendmmsg on a packet socket: what is bare about mirror-copy's injection.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "os/fd.h"
#include "wire/packet.h"

namespace mirrorlab::bench {

class FrameSender {
 public:
  // In the namespace it is made in.
  explicit FrameSender(const wire::Endpoint& to);
  void add(uint16_t client_port, wire::Seq seq, wire::Seq ack, uint8_t flags, size_t payload_bytes);
  void flush();

 private:
  static constexpr size_t kBatch = 128;
  static constexpr size_t kFrame = 256;
  wire::Endpoint to_;
  os::Fd fd_;
  sockaddr_storage address_{};
  std::vector<uint8_t> link_;  // vnet and Ethernet header, the same for all
  std::vector<uint8_t> frames_ = std::vector<uint8_t>(kBatch * kFrame);
  std::vector<size_t> bytes_ = std::vector<size_t>(kBatch);
  size_t count_ = 0;
};

}  // namespace mirrorlab::bench
