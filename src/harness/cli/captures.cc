#include "harness/cli/captures.h"

#include <fmt/format.h>

#include "harness/cli/traffic_command.h"
#include "harness/traffic/conversation.h"

namespace mirrorlab::cli {

namespace {
std::optional<scenario::Error> look_at(const scenario::Scenario& s, const std::string& file,
                                       const std::string& what, scenario::Location at) {
  const auto loaded = traffic::load_conversations(capture_path(file, s.path));
  if (loaded) return std::nullopt;
  return scenario::Error{s.path, at, what + ": " + loaded.error()};
}

// A service of another capture would answer something that nobody asked.
std::optional<scenario::Error> other_capture(const scenario::Scenario& s,
                                             const scenario::Traffic& traffic) {
  for (const auto& service : s.node(traffic.to_node)->run) {
    const auto& r = service.recorder;
    if (service.port != traffic.to_port || r.mode != "replay") continue;
    if (traffic.kind == scenario::TrafficKind::pcap && traffic.replay.file == r.replay.file) {
      continue;
    }
    return scenario::Error{
        s.path, traffic.at,
        fmt::format("traffic `{}`: the service on {}:{} answers to `kind: pcap` with `file: {}` "
                    "only",
                    traffic.id, traffic.to_node, traffic.to_port, r.replay.file)};
  }
  return std::nullopt;
}
}  // namespace

std::optional<scenario::Error> wrong_capture(const scenario::Scenario& s) {
  for (const auto& t : s.traffic) {
    if (t.kind == scenario::TrafficKind::pcap) {
      if (auto wrong = look_at(s, t.replay.file, "traffic `" + t.id + "`", t.at)) return wrong;
    }
    if (auto wrong = other_capture(s, t)) return wrong;
  }
  for (const auto& node : s.nodes) {
    for (const auto& service : node.run) {
      if (service.recorder.mode != "replay") continue;
      const std::string what = "service `" + node.name + "." + service.id + "`";
      if (auto wrong = look_at(s, service.recorder.replay.file, what, service.at)) return wrong;
    }
  }
  return std::nullopt;
}

}  // namespace mirrorlab::cli
