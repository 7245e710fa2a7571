// One reply of the test host as the intercept engine returns it: headers, never data.
#pragma once

#include <cstdint>

#include "wire/flow.h"
#include "wire/packet.h"
#include "wire/tcp_options.h"

namespace mirrorlab::wire {

struct HeaderRecord {
  FlowKey flow;  // client: the real client; server: the test host's service
  Seq seq;
  Seq ack;
  uint8_t flags = 0;
  uint16_t window = 0;          // as sent, not scaled
  uint32_t payload_length = 0;  // bytes; one record may stand for a super-packet (< 2^24)
  TcpOptions options;

  [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
  bool operator==(const HeaderRecord&) const = default;
};

}  // namespace mirrorlab::wire
