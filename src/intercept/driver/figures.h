// mirror-intercept's counters as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "intercept/driver/header_server.h"
#include "intercept/driver/queue_stats.h"
#include "intercept/driver/reply_source.h"

namespace mirrorlab::intercept {

struct ParseCounters {
  uint64_t not_tcp = 0;
  uint64_t malformed = 0;  // truncated, fragments, bad headers
};

[[nodiscard]] nlohmann::json figures_json(const ReplyCounters& replies, const ParseCounters& parse,
                                          const HeaderServer& server,
                                          const std::optional<QueueStats>& kernel);

}  // namespace mirrorlab::intercept
