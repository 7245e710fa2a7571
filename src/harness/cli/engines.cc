#include "harness/cli/engines.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace mirrorlab::cli {

namespace {
using Words = std::vector<std::string>;

// Why twice its own default: all hosts of a laboratory share the box, and the engine has to wait
// for a CPU longer than it would on a host of its own.
constexpr const char* kCaptureBufferMib = "128";

void append(Words& words, const std::string& option, const std::string& value) {
  if (!value.empty()) words.insert(words.end(), {option, value});
}

// 80-10.0.0.2:8080: as our programs want it, and TCPCopy's -x.
std::string map_text(const LabContext& lab, const scenario::Mapping& m) {
  return fmt::format("{}-{}", m.online_port,
                     lab.plan.endpoint(m.test_node, m.test_port).to_string());
}

Words intercept_command(const LabContext& lab, const scenario::Engine& e, int run) {
  Words words{
      lab.programs + "/mirror-intercept",          "--no-auth",  "--listen",
      lab.plan.endpoint(e.on, e.port).to_string(), "--counters", counters_file(lab, e.id, run)};
  std::set<uint16_t> ports;
  for (const auto& copy : lab.scenario.engines) {
    for (const auto& m : copy.map) {
      const bool here = m.test_node == e.on || lab.scenario.node(m.test_node)->assistant == e.on;
      if (here) ports.insert(m.test_port);
    }
  }
  for (const uint16_t port : ports) append(words, "--service-port", std::to_string(port));
  append(words, "--via", e.via);
  if (e.via == "route") {
    // Its replies arrive from the test hosts that have it for their assistant.
    std::set<std::string> devices;
    for (const auto& node : lab.scenario.nodes) {
      if (node.assistant == e.on) devices.insert(lab.plan.device_toward(e.on, node.name));
    }
    for (const auto& device : devices) append(words, "--device", device);
  }
  if (e.queues > 1) append(words, "--queues", std::to_string(e.queues));
  return words;
}

Words copy_command(const LabContext& lab, const scenario::Engine& e, int run) {
  Words words{lab.programs + "/mirror-copy", "--no-auth",     "--counters",
              counters_file(lab, e.id, run), "--session-log", session_log_file(lab, e.id, run)};
  for (const auto& id : e.peers) {
    const auto* peer = lab.scenario.engine(id);
    append(words, "--intercept", lab.plan.endpoint(peer->on, peer->port).to_string());
  }
  for (const auto& m : e.map) append(words, "--map", map_text(lab, m));
  append(words, "--capture", e.capture);
  append(words, "--inject", e.inject);
  const auto names_buffer = [](const std::string& option) {
    return option.starts_with("--capture-buffer");
  };
  const bool ring = e.capture.empty() || e.capture == "packet";
  if (ring && std::ranges::none_of(e.options, names_buffer)) {
    append(words, "--capture-buffer", kCaptureBufferMib);
  }
  return words;
}

std::string numbered(int run) { return run == 1 ? "" : "." + std::to_string(run); }

void add(nlohmann::json& sum, const nlohmann::json& more) {
  for (const auto& [key, value] : more.items()) {
    if (!sum.contains(key)) {
      sum[key] = value;
    } else if (value.is_object()) {
      add(sum[key], value);
    } else if (value.is_boolean()) {
      sum[key] = sum[key].get<bool>() && value.get<bool>();
    } else if (key.starts_with("peak_")) {
      if (sum[key] < value) sum[key] = value;
    } else if (value.is_number_float()) {
      sum[key] = sum[key].get<double>() + value.get<double>();
    } else if (value.is_number_unsigned()) {
      sum[key] = sum[key].get<uint64_t>() + value.get<uint64_t>();
    } else if (value.is_number()) {
      sum[key] = sum[key].get<int64_t>() + value.get<int64_t>();
    }
  }
}
}  // namespace

std::string counters_file(const LabContext& lab, const std::string& engine, int run) {
  return lab.out + "/" + engine + numbered(run) + ".json";
}
std::string session_log_file(const LabContext& lab, const std::string& engine, int run) {
  return lab.out + "/" + engine + numbered(run) + ".sessions.jsonl";
}

Program::Spec engine_program(const LabContext& lab, const scenario::Engine& engine) {
  const bool copy = engine.kind == scenario::EngineKind::copy;
  Program::Spec spec;
  spec.name = engine.id;
  spec.node = engine.on;
  spec.ready = engine.ready;
  spec.stop_signal = engine.stop_signal;
  auto values = placeholder_values(lab, engine.on);
  values["port"] = std::to_string(engine.port);
  if (!engine.peers.empty()) {
    const auto* peer = lab.scenario.engine(engine.peers.front());
    values["intercept"] = lab.plan.address(peer->on).to_string();
    values["intercept_port"] = std::to_string(peer->port);
  }
  if (!engine.map.empty()) {
    values["online_port"] = std::to_string(engine.map[0].online_port);
    values["test"] = lab.plan.address(engine.map[0].test_node).to_string();
    values["test_port"] = std::to_string(engine.map[0].test_port);
    for (const auto& m : engine.map) {
      values["map"] += (values["map"].empty() ? "" : ",") + map_text(lab, m);
    }
  }
  if (engine.ready.command) spec.ready_command = command_line(*engine.ready.command, {}, values);
  if (engine.command.empty()) {
    // Our programs say when they are ready; a scenario may ask for more.
    if (!spec.ready.log) spec.ready.log = copy ? "mirror-copy: ready" : "mirror-intercept: ready";
    const Words options = command_line("", engine.options, values);
    spec.command = [&lab, &engine, copy, options](int run) {
      Words words = copy ? copy_command(lab, engine, run) : intercept_command(lab, engine, run);
      words.insert(words.end(), options.begin(), options.end());
      return words;
    };
  } else {
    spec.command = [&lab, &engine, values](int run) {
      auto now = values;
      now["counters"] = counters_file(lab, engine.id, run);
      return command_line(engine.command, engine.options, now);
    };
  }
  return spec;
}

nlohmann::json add_up(const std::vector<nlohmann::json>& runs) {
  nlohmann::json sum;
  int64_t without = 0;
  for (const auto& run : runs) {
    if (!run.is_object()) {
      ++without;
    } else if (sum.is_null()) {
      sum = run;
    } else {
      add(sum, run);
    }
  }
  if (!sum.is_null()) {
    sum["runs"] = runs.size();
    sum["runs_without_figures"] = without;
  }
  return sum;
}

std::vector<nlohmann::json> read_counters(const LabContext& lab, const std::string& engine,
                                          int runs) {
  std::vector<nlohmann::json> all;
  for (int run = 1; run <= runs; ++run) {
    std::ifstream in(counters_file(lab, engine, run));
    all.push_back(in ? nlohmann::json::parse(in, nullptr, false) : nlohmann::json());
  }
  return all;
}

}  // namespace mirrorlab::cli
