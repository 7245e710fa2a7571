#include "engine/core/account.h"

#include <numeric>

namespace mirrorlab::engine {

std::string Account::imbalance() const {
  const auto sum = [](const auto& by_reason) {
    return std::accumulate(by_reason.begin(), by_reason.end(), uint64_t{0});
  };
  std::string text;
  if (sessions_captured != sessions_mirrored + sessions_live + sum(sessions_lost)) {
    text += "sessions: captured " + std::to_string(sessions_captured) + " != mirrored " +
            std::to_string(sessions_mirrored) + " + live " + std::to_string(sessions_live) +
            " + lost " + std::to_string(sum(sessions_lost));
  }
  if (bytes_captured != bytes_mirrored + bytes_pending + sum(bytes_lost)) {
    if (!text.empty()) text += "; ";
    text += "bytes: captured " + std::to_string(bytes_captured) + " != mirrored " +
            std::to_string(bytes_mirrored) + " + pending " + std::to_string(bytes_pending) +
            " + lost " + std::to_string(sum(bytes_lost));
  }
  return text;
}

}  // namespace mirrorlab::engine
