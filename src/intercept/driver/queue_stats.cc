#include "intercept/driver/queue_stats.h"

#include <fstream>
#include <sstream>
#include <string>

namespace mirrorlab::intercept {

std::optional<QueueStats> parse_queue_stats(std::istream& in, uint16_t queue) {
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    uint32_t number = 0;
    uint32_t copy_mode = 0;
    uint32_t copy_range = 0;
    QueueStats s;
    fields >> number >> s.peer_port >> s.waiting >> copy_mode >> copy_range >> s.dropped_full >>
        s.dropped_user;
    if (fields && number == queue) return s;
  }
  return std::nullopt;
}

std::optional<QueueStats> read_queue_stats(uint16_t queue) {
  std::ifstream in("/proc/net/netfilter/nfnetlink_queue");
  return parse_queue_stats(in, queue);
}

}  // namespace mirrorlab::intercept
