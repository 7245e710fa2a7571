#include "harness/cli/traffic_launch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "harness/cli/traffic_command.h"

namespace mirrorlab::cli {

std::string progress_file(const LabContext& lab, const std::string& traffic) {
  return lab.out + "/logs/traffic-" + traffic + ".progress";
}

std::vector<std::string> traffic_command(const LabContext& lab, const Topology& topology,
                                         const scenario::Traffic& t) {
  if (t.kind == scenario::TrafficKind::command) {
    auto values = placeholder_values(lab, t.to_node);
    values["port"] = std::to_string(t.to_port);
    return command_line(t.command, {}, values);
  }
  std::string mode;
  for (const scenario::Service& service : lab.scenario.node(t.to_node)->run) {
    const bool built_in = service.kind == scenario::ServiceKind::recorder;
    if (service.port == t.to_port && built_in) mode = service.recorder.mode;
  }
  // The clients enter the namespaces by the descriptors that hold them here.
  std::vector<std::string> spaces;
  for (const auto* space : topology.client_spaces(t.from)) {
    spaces.push_back(fmt::format("/proc/{}/fd/{}", ::getpid(), space->fd()));
  }
  const auto o = load_options(
      t, {lab.plan.endpoint(t.to_node, t.to_port).to_string(), lab.plan.address(t.from).to_string(),
          lab.scenario.node(t.from)->count, spaces, mode, lab.scenario.seed, lab.scenario.path,
          progress_file(lab, t.id)});
  return {lab.programs + "/mirrorlab", "load", o.dump()};
}

void add_traffic_figures(nlohmann::json& sum, const nlohmann::json& more) {
  for (const auto& [key, value] : more.items()) {
    if (!sum.contains(key) || (value.is_string() && sum[key] == "")) {
      sum[key] = value;
    } else if (value.is_number_integer()) {
      sum[key] = sum[key].get<int64_t>() + value.get<int64_t>();
    } else if (value.is_number()) {
      // Of several traffics the slowest one's percentile is shown.
      sum[key] = std::max(sum[key].get<double>(), value.get<double>());
    }
  }
}

}  // namespace mirrorlab::cli
