// mirror-intercept's counters as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "intercept/driver/header_server.h"
#include "intercept/driver/reply_source.h"
#include "wire/packet.h"

namespace mirrorlab::intercept {

struct ParseCounters {
  uint64_t not_tcp = 0;
  uint64_t malformed = 0;          // truncated, fragments, bad headers
  uint64_t handover_overflow = 0;  // a queue's thread was faster than the server's

  void count(wire::ParseError error) {
    ++(error == wire::ParseError::not_tcp ? not_tcp : malformed);
  }
  ParseCounters& operator+=(const ParseCounters& more) {
    not_tcp += more.not_tcp;
    malformed += more.malformed;
    handover_overflow += more.handover_overflow;
    return *this;
  }
};

// `kernel`: the method's own figures, added as they are.
[[nodiscard]] nlohmann::json figures_json(const ReplyCounters& replies, const ParseCounters& parse,
                                          const HeaderServer& server, const nlohmann::json& kernel);

}  // namespace mirrorlab::intercept
