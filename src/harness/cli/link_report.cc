#include "harness/cli/link_report.h"

#include <fmt/format.h>

namespace mirrorlab::cli {

nlohmann::json links_json(const std::vector<wirebox::Figures>& links) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& link : links) {
    const uint64_t met = link.counters[0].planned + link.counters[1].planned;
    nlohmann::json one{{"name", link.name},
                       {"kernel_drops", link.kernel_drops()},
                       {"send_errors", link.send_errors()},
                       {"truncated", link.truncated()},
                       {"flows_forgotten", link.flows_forgotten}};
    if (link.planned > 0) one["replayed"] = {{"packets", link.planned}, {"met", met}};
    for (const size_t i : {0U, 1U}) {
      const auto& c = link.counters[i];
      const auto& k = link.kernel[i];
      nlohmann::json dropped;
      for (size_t cause = 0; cause < wirebox::kCauses; ++cause) {
        dropped[wirebox::to_string(static_cast<wirebox::Cause>(cause))] = c.dropped[cause];
      }
      one[i == 0 ? "there" : "back"] = {{"in", c.in},
                                        {"in_bytes", c.in_bytes},
                                        {"out", c.out},
                                        {"out_bytes", c.out_bytes},
                                        {"unharmed", c.unharmed},
                                        {"dropped", dropped},
                                        {"duplicated", c.duplicated},
                                        {"reordered", c.reordered},
                                        {"corrupted", c.corrupted},
                                        {"cut", c.cut},
                                        {"waiting", link.waiting[i]},
                                        {"kernel",
                                         {{"arrived", k.arrived},
                                          {"ring_drops", k.ring_drops},
                                          {"truncated", k.truncated},
                                          {"sent", k.sent},
                                          {"send_errors", k.send_errors}}}};
    }
    all.push_back(one);
  }
  return all;
}

std::string replay_shortfall(const std::vector<wirebox::Figures>& links, uint64_t missing) {
  uint64_t planned = 0, met = 0;
  for (const auto& link : links) {
    planned += link.planned;
    met += link.counters[0].planned + link.counters[1].planned;
  }
  std::string words;
  if (met < planned) {
    words = fmt::format(
        "replayed in part: {} of {} packets with a fault never came by, as their flows sent fewer "
        "than in the first run",
        planned - met, planned);
  }
  if (missing > 0) {
    words += fmt::format("{}{} faults of the first run have no names and were not replayed",
                         words.empty() ? "" : "; ", missing);
  }
  return words;
}

std::string drops_text(const std::vector<wirebox::Figures>& links) {
  std::string text;
  for (const auto& link : links) {
    for (const auto& d : link.drops) {
      text += fmt::format("{} {} {} number {} packet {} {}\n", link.name,
                          d.direction == wirebox::Direction::a_to_b ? "there" : "back",
                          d.flow.to_string(), d.number, d.ordinal, wirebox::to_string(d.cause));
    }
  }
  return text;
}

}  // namespace mirrorlab::cli
