#include "harness/cli/collect.h"

#include <unistd.h>

#include <fstream>
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

nlohmann::json intercept_figures(const LabContext& lab, const FindProgram& find) {
  std::vector<nlohmann::json> runs;
  for (const auto* e : lab.scenario.engines_of(EngineKind::intercept)) {
    for (auto& figures : read_counters(lab, e->id, find(e->id).runs())) runs.push_back(figures);
  }
  return add_up(runs);
}

}  // namespace

void name_services(const LabContext& lab, verify::Evidence& e) {
  for (const auto* copy : lab.scenario.engines_of(EngineKind::copy)) {
    for (const auto& m : copy->map) {
      e.online_service = lab.plan.endpoint(copy->on, m.online_port);
      e.test_service = lab.plan.endpoint(m.test_node, m.test_port);
    }
    for (const auto& option : copy->options) {
      if (option == "-W" || option == "--no-wait") e.waits_for_answers = false;
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
      const bool online = lab.plan.endpoint(n.name, service.port) == e.online_service;
      const bool test = lab.plan.endpoint(n.name, service.port) == e.test_service;
      if (!online && !test) continue;
      e.protocol = protocol_of(service);
      if (service.kind != scenario::ServiceKind::recorder) continue;
      const std::string name = n.name + "." + service.id;
      if (const auto wrong = find(name).finish(); !wrong.empty()) {
        throw std::runtime_error(name + " " + wrong);
      }
      verify::Recording all;
      const int runs = find(name).runs();
      for (int run = 1; run <= runs; ++run) {
        auto recording = verify::read_recording(recording_file(lab, name, run));
        // A run that the timeline killed may have left half a recording.
        if (!recording && run < runs) continue;
        if (!recording) throw std::runtime_error(recording.error());
        auto& part = recording->connections;
        all.connections.insert(all.connections.end(), part.begin(), part.end());
      }
      // Why only one run: what a killed service had not written cannot be held against anyone.
      if (runs == 1) (online ? e.online_recording : e.test_recording) = std::move(all);
    }
  }
}

void count_leftovers(const LabContext& lab, const Topology& topology, verify::Evidence& e) {
  const auto& test = topology.space(lab.scenario.node_of(Role::test)->name);
  const auto deadline = os::steady_now() + kLastCloses;
  for (;;) {
    uint64_t open = 0;
    test.run([&] { open = open_connections(e.test_service.port); });
    e.test_connections_left = open;
    if (open == 0 || os::steady_now() > deadline) return;
    ::usleep(10'000);  // the last close is on its way
  }
}

}  // namespace mirrorlab::cli
