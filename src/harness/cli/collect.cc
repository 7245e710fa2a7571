#include "harness/cli/collect.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>

#include "harness/cli/box_state.h"
#include "harness/cli/engines.h"
#include "harness/cli/services.h"
#include "harness/cli/traffic_command.h"
#include "os/clock.h"

namespace mirrorlab::cli {

namespace {
using scenario::EngineKind;
using scenario::Role;

constexpr os::Nanos kLastCloses = 500 * os::kNanosPerMilli;
constexpr os::Nanos kBetweenLooks = 10 * os::kNanosPerMilli;

// What the harness itself knows of programs that give no figures of their own.
nlohmann::json measured(const LabContext& lab, const FindProgram& find, EngineKind kind) {
  process::Child::Usage all;
  for (const auto* e : lab.scenario.engines_of(kind)) {
    all += find(e->id).usage();
  }
  return {{"cpu_s", all.cpu_s}, {"peak_rss_bytes", all.peak_rss_bytes}};
}

nlohmann::json intercept_figures(const LabContext& lab, const FindProgram& find) {
  std::vector<nlohmann::json> runs;
  for (const auto* e : lab.scenario.engines_of(EngineKind::intercept)) {
    for (auto& figures : read_counters(lab, e->id, find(e->id).runs())) runs.push_back(figures);
  }
  return add_up(runs);
}

// Ends a built-in service and reads what it recorded.
std::optional<verify::Recording> recording_of(const LabContext& lab, const FindProgram& find,
                                              const std::string& name) {
  if (const auto wrong = find(name).finish(); !wrong.empty()) {
    throw std::runtime_error(name + " " + wrong);
  }
  // What a killed service had not written cannot be held against anyone.
  if (find(name).runs() != 1) return std::nullopt;
  auto recording = verify::read_recording(recording_file(lab, name, 1));
  if (!recording) throw std::runtime_error(recording.error());
  return std::move(*recording);
}
}  // namespace

std::optional<int64_t> idle_timeout(const std::vector<std::string>& options) {
  std::string value;
  for (size_t i = 0; i < options.size(); ++i) {
    const std::string& option = options[i];
    const std::string next = i + 1 < options.size() ? options[i + 1] : "";
    if (option == "-k" || option == "--idle-timeout") value = next;
    if (option.starts_with("--idle-timeout=")) value = option.substr(option.find('=') + 1);
    if (option.starts_with("-k") && option.size() > 2) value = option.substr(2);
  }
  double seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(seconds * 1e9);
}

std::vector<verify::MirroredService> mirrored_services(const scenario::Scenario& s,
                                                       const Plan& plan) {
  std::vector<verify::MirroredService> services;
  for (const auto* copy : s.engines_of(EngineKind::copy)) {
    for (const auto& m : copy->map) {
      verify::MirroredService service;
      service.online = plan.endpoint(copy->on, m.online_port);
      service.test = plan.endpoint(m.test_node, m.test_port);
      for (const auto& running : s.node(copy->on)->run) {
        if (running.port == m.online_port) service.protocol = protocol_of(running);
      }
      // Two engines may share a mapping, one standing by for the other.
      const auto same = [&](const verify::MirroredService& known) {
        return known.online == service.online && known.test == service.test;
      };
      if (std::ranges::none_of(services, same)) services.push_back(std::move(service));
    }
  }
  return services;
}

void name_services(const LabContext& lab, verify::Evidence& e) {
  e.services = mirrored_services(lab.scenario, lab.plan);
  for (const auto* copy : lab.scenario.engines_of(EngineKind::copy)) {
    for (const auto& option : copy->options) {
      if (option == "-W" || option == "--no-wait") e.waits_for_answers = false;
    }
    if (const auto idle = idle_timeout(copy->options)) {
      e.idle_timeout_ns = std::min(e.idle_timeout_ns, *idle);
    }
  }
}

void collect_engines(const LabContext& lab, const FindProgram& find, verify::Evidence& e) {
  std::vector<nlohmann::json> runs;
  for (const auto* copy : lab.scenario.engines_of(EngineKind::copy)) {
    const int count = find(copy->id).runs();
    for (auto& figures : read_counters(lab, copy->id, count)) runs.push_back(figures);
    for (int run = 1; run <= count; ++run) {
      std::ifstream log(session_log_file(lab, copy->id, run));
      for (std::string line; std::getline(log, line);) {
        // The last line of a killed engine may be cut.
        auto entry = nlohmann::json::parse(line, nullptr, false);
        if (entry.is_object()) e.session_log.push_back(std::move(entry));
      }
    }
  }
  e.copy = add_up(runs);
  e.intercept = intercept_figures(lab, find);
  // Another program in the role keeps no account: taps and recordings alone are judged.
  const auto ours = [](const scenario::Engine* copy) { return copy->command.empty(); };
  const auto copies = lab.scenario.engines_of(EngineKind::copy);
  e.copy_gives_account = !e.copy.is_null() || std::ranges::any_of(copies, ours);
  if (e.copy.is_null() && !e.copy_gives_account) e.copy = measured(lab, find, EngineKind::copy);
  const auto intercepts = lab.scenario.engines_of(EngineKind::intercept);
  if (e.intercept.is_null() && std::ranges::none_of(intercepts, ours)) {
    e.intercept = measured(lab, find, EngineKind::intercept);
  }
  for (const auto& engine : lab.scenario.engines) {
    const char* role = engine.kind == EngineKind::copy ? "copy" : "intercept";
    for (const auto& [from, to] : find(engine.id).outages()) {
      e.outages.push_back({role, from, to});
    }
  }
}

void collect_recordings(const LabContext& lab, const FindProgram& find, verify::Evidence& e) {
  for (const auto& n : lab.scenario.nodes) {
    for (const auto& service : n.run) {
      const auto endpoint = lab.plan.endpoint(n.name, service.port);
      for (auto& mirrored : e.services) {
        const bool online = endpoint == mirrored.online;
        if (!online && endpoint != mirrored.test) continue;
        mirrored.protocol = protocol_of(service);
        if (service.kind != scenario::ServiceKind::recorder) continue;
        (online ? mirrored.online_recording : mirrored.test_recording) =
            recording_of(lab, find, n.name + "." + service.id);
      }
    }
  }
}

namespace {
// On that host, those that something is mirrored from or to.
std::set<uint16_t> ports_of(const LabContext& lab, const scenario::Node& host) {
  std::set<uint16_t> ports;
  for (const auto* copy : lab.scenario.engines_of(EngineKind::copy)) {
    for (const auto& m : copy->map) {
      if (copy->on == host.name) ports.insert(m.online_port);
      if (m.test_node == host.name) ports.insert(m.test_port);
    }
  }
  return ports;
}

OpenConnections connections_at(const LabContext& lab, const Topology& topology, Role role) {
  OpenConnections sum;
  for (const auto* host : lab.scenario.nodes_of(role)) {
    topology.space(host->name).run([&] {
      for (const uint16_t port : ports_of(lab, *host)) {
        const OpenConnections found = open_connections(port);
        sum.open += found.open;
        sum.closing += found.closing;
      }
    });
  }
  return sum;
}
}  // namespace

void count_leftovers(const LabContext& lab, const Topology& topology, const FindProgram& find,
                     LabWait& wait, verify::Evidence& e) {
  const auto began = wait.now();
  // Why: nobody answers the test host when a copy engine was ended for good.
  const bool answered = std::ranges::all_of(lab.scenario.engines_of(EngineKind::copy),
                                            [&](const auto* c) { return find(c->id).running(); });
  OpenConnections last;
  auto since = began;
  const auto look = [&] {
    const OpenConnections now = connections_at(lab, topology, Role::test);
    e.test_connections_left = now.open;
    e.online_connections_left = connections_at(lab, topology, Role::online).open;
    // Why the closing ones: a FIN that a lossy link took is repeated with back-off, and answered.
    const auto at = wait.now();
    if (now != last || now.closing > 0) since = at;
    last = now;
    return now.open == 0 || at - since > kLastCloses;
  };
  wait.look_again(look, kBetweenLooks,
                  began + (answered ? lab.scenario.drain.count() : kLastCloses));
}

}  // namespace mirrorlab::cli
