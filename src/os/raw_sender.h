// IP packets sent with any source address, in batches (raw sockets with the header included).
//
// A packet that cannot be sent is counted by errno and dropped: to the session it is a lost packet.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"
#include "wire/packet.h"

namespace mirrorlab::os {

struct SendCounters {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  std::map<std::string, uint64_t> errors;  // by errno name
};

class RawSender {
 public:
  static tl::expected<RawSender, std::string> open();
  // Queues a packet; a full batch is sent at once.
  void send(const wire::TcpHeader& header, wire::Bytes payload);
  void flush();
  [[nodiscard]] const SendCounters& counters() const { return counters_; }

 private:
  static constexpr size_t kBatch = 64;
  static constexpr size_t kBufferBytes = 9216;  // jumbo frames
  void flush(int fd, size_t first, size_t count);

  Fd v4_;
  Fd v6_;
  std::vector<uint8_t> buffers_;
  std::vector<uint32_t> lengths_;
  std::vector<sockaddr_in6> to_;  // large enough for both families
  size_t queued_ = 0;
  uint16_t next_id_ = 1;
  SendCounters counters_;
};

}  // namespace mirrorlab::os
