#include "harness/report/lost_lines.h"

#include <nlohmann/json.hpp>

namespace mirrorlab::report {

std::string lost_lines(const verify::Report& verified) {
  std::string text;
  for (const verify::Death& d : verified.deaths) {
    nlohmann::json line{{"client", d.client.to_string()},
                        {"online", d.online.to_string()},
                        {"test", d.test.to_string()},
                        {"fate", to_string(d.fate)},
                        {"reason", d.reason},
                        {"hop", d.hop},
                        {"stream_bytes", d.stream_bytes},
                        {"lost_bytes", d.lost_bytes},
                        {"began_s", d.at_s},
                        {"last_seen", d.last_seen()},
                        {"left_online", d.left_online},
                        {"reached_test", d.reached_test},
                        {"dropped_by", d.dropped_by},
                        {"ranges", nlohmann::json::array()}};
    for (const auto& range : d.ranges) line["ranges"].push_back({range.begin, range.end});
    text += line.dump() + "\n";
  }
  return text;
}

}  // namespace mirrorlab::report
