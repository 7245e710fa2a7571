// The kernel's own figures of a netfilter queue, from /proc/net/netfilter/nfnetlink_queue.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>

namespace mirrorlab::intercept {

struct QueueStats {
  uint32_t peer_port = 0;  // netlink port of the program that reads it
  uint64_t waiting = 0;
  uint64_t dropped_full = 0;  // the queue was full
  uint64_t dropped_user = 0;  // could not be handed to the program
};

// Empty when nobody is bound to the queue.
[[nodiscard]] std::optional<QueueStats> parse_queue_stats(std::istream& in, uint16_t queue);
[[nodiscard]] std::optional<QueueStats> read_queue_stats(uint16_t queue);

}  // namespace mirrorlab::intercept
