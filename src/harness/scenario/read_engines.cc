// Engines: ours, or another pair of commands in the same roles.
#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

// "80 -> test:8080"
Mapping read_mapping(const Value& value, const Scenario& scenario) {
  const std::string text = value.text();
  const size_t arrow = text.find("->");
  std::string left = text.substr(0, arrow);
  std::erase(left, ' ');
  const auto port = parse_number(left);
  if (arrow == std::string::npos || !port || *port < 1 || *port > 65535 ||
      *port != static_cast<uint16_t>(*port)) {
    value.fail(fmt::format("`{}` is no mapping, write ONLINE_PORT -> NODE:PORT", text));
  }
  std::string right = text.substr(arrow + 2);
  std::erase(right, ' ');
  const Target target = read_target(value, right, scenario);
  return {static_cast<uint16_t>(*port), target.node, target.port};
}

// Which of its ways a program takes; none named: its default.
void read_way(const Fields& fields, std::string_view key,
              std::initializer_list<std::string_view> ways, std::string& way) {
  if (const Value* value = fields.find(key)) way = *(ways.begin() + value->choice(ways));
}

Engine read_copy(const Value& value, const Scenario& scenario, const std::string& id) {
  const Fields fields(value, {"kind", "on", "map", "capture", "inject", "peer", "options",
                              "command", "ready", "start", "stop_signal"});
  Engine engine;
  engine.id = id;
  engine.at = value.at();
  engine.kind = EngineKind::copy;
  engine.on = read_node_name(fields.need("on"), scenario).name;
  const Value& map = fields.need("map");
  if (map.is_list()) {
    for (const Value& item : map.items()) engine.map.push_back(read_mapping(item, scenario));
    if (engine.map.empty()) map.fail("a copy engine needs at least one mapping");
  } else {
    engine.map.push_back(read_mapping(map, scenario));
  }
  read_way(fields, "capture", {"packet", "packet-lowlatency", "raw-ip", "pcap", "ebpf"},
           engine.capture);
  read_way(fields, "inject", {"packet", "raw"}, engine.inject);
  if (const Value* peer = fields.find("peer")) {
    if (peer->is_list()) {
      for (const Value& item : peer->items()) engine.peers.push_back(item.identifier());
    } else {
      engine.peers.push_back(peer->identifier());
    }
  }
  read_command_line(fields, engine);
  return engine;
}

Engine read_intercept(const Value& value, const Scenario& scenario, const std::string& id) {
  const Fields fields(value, {"kind", "on", "via", "queues", "port", "options", "command", "ready",
                              "start", "stop_signal"});
  Engine engine;
  engine.id = id;
  engine.at = value.at();
  engine.kind = EngineKind::intercept;
  engine.on = read_node_name(fields.need("on"), scenario).name;
  read_way(fields, "via", {"nfqueue", "ebpf", "mirred", "route"}, engine.via);
  if (const Value* queues = fields.find("queues")) {
    engine.queues = static_cast<uint16_t>(queues->integer(1, 64));
    if (engine.queues > 1 && !engine.via.empty() && engine.via != "nfqueue") {
      queues->fail(fmt::format("only nfqueue has several queues, not {}", engine.via));
    }
  }
  if (const Value* port = fields.find("port")) {
    engine.port = static_cast<uint16_t>(port->integer(1, 65535));
  }
  read_command_line(fields, engine);
  return engine;
}

// `kind: copy`, or an id that says it: copy, copy2, intercept-a.
EngineKind engine_kind(const Value& key, const Value& value) {
  for (const auto& [field, setting] : value.entries()) {
    if (field.name() == "kind") {
      return setting.choice({"copy", "intercept"}) == 0 ? EngineKind::copy : EngineKind::intercept;
    }
  }
  if (key.name().starts_with("copy")) return EngineKind::copy;
  if (key.name().starts_with("intercept")) return EngineKind::intercept;
  const std::vector<std::string> known{"copy", "intercept"};
  key.fail(
      fmt::format("is this a copy or an intercept engine? Add `kind: copy` or "
                  "`kind: intercept`{}",
                  suggestion(key.name(), known)));
}

// Where our own programs do their work; another pair may do it elsewhere.
void check_place(const Value& value, const Engine& engine, Role role) {
  if (engine.kind == EngineKind::copy && role != Role::online) {
    value.fail(fmt::format("`{}` has the role {}; a copy engine runs on an online host", engine.on,
                           to_string(role)));
  }
  if (engine.kind == EngineKind::intercept && role != Role::test && role != Role::assistant) {
    value.fail(
        fmt::format("`{}` has the role {}; an intercept runs on a test host or its assistant",
                    engine.on, to_string(role)));
  }
}

Engine read_engine(const Value& value, const Scenario& so_far, EngineKind kind,
                   const std::string& id) {
  Engine engine =
      kind == EngineKind::copy ? read_copy(value, so_far, id) : read_intercept(value, so_far, id);
  const Node& on = *so_far.node(engine.on);
  if (on.role == Role::clients || on.role == Role::bridge) {
    value.fail(fmt::format("an engine cannot run on `{}`, which has the role {}", on.name,
                           to_string(on.role)));
  }
  if (engine.command.empty()) check_place(value, engine, on.role);
  return engine;
}

// Whether the intercept sees the replies of the test hosts that this copy engine maps to.
bool serves(const Engine& intercept, const Engine& copy, const Scenario& scenario) {
  return std::ranges::any_of(copy.map, [&](const Mapping& m) {
    return m.test_node == intercept.on || scenario.node(m.test_node)->assistant == intercept.on;
  });
}

// The intercepts that return headers to a copy engine: those it names, else those of its test
// hosts, else the first.
void find_peers(Engine& copy, const std::vector<Engine>& engines, const Scenario& scenario) {
  std::vector<std::string> known;
  for (const Engine& e : engines) {
    if (e.kind == EngineKind::intercept) known.push_back(e.id);
  }
  for (const std::string& peer : copy.peers) {
    if (std::ranges::find(known, peer) == known.end()) {
      throw ReadError(copy.at, fmt::format("engines.{}.peer: no intercept engine `{}`{}", copy.id,
                                           peer, suggestion(peer, known)));
    }
  }
  if (!copy.peers.empty()) return;
  for (const Engine& e : engines) {
    if (e.kind == EngineKind::intercept && serves(e, copy, scenario)) copy.peers.push_back(e.id);
  }
  if (copy.peers.empty() && !known.empty()) copy.peers.push_back(known.front());
  if (copy.peers.empty() && copy.command.empty()) {
    throw ReadError(copy.at, fmt::format("engines.{}: there is no intercept engine to return "
                                         "headers; add one under engines",
                                         copy.id));
  }
}

}  // namespace

void read_command_line(const Fields& fields, Engine& engine) {
  if (const Value* options = fields.find("options")) engine.options = read_options(*options);
  if (const Value* command = fields.find("command")) engine.command = read_command_text(*command);
  if (const Value* start = fields.find("start")) engine.start = start->duration();
  if (const Value* ready = fields.find("ready")) engine.ready = read_readiness(*ready);
  if (const Value* stop = fields.find("stop_signal")) {
    engine.stop_signal = read_signal(*stop);
    if (engine.command.empty()) stop->fail("goes with `command` only; our own end on SIGTERM");
  }
}

std::vector<Engine> read_engines(const Value& value, const Scenario& so_far) {
  std::vector<Engine> engines;
  const auto add = [&](const Value& place, const Value& entry, EngineKind kind,
                       const std::string& id) {
    const auto same = [&](const Engine& e) { return e.id == id; };
    if (std::ranges::any_of(engines, same)) {
      place.fail(fmt::format("a second engine `{}`; give it another id", id));
    }
    engines.push_back(read_engine(entry, so_far, kind, id));
  };
  for (const auto& [key, entry] : value.entries()) {
    const std::string id = key.identifier();
    if (!entry.is_list()) {
      add(key, entry, engine_kind(key, entry), id);
      continue;
    }
    // Several at once: `copy: [{...}, {...}]` are copy-1 and copy-2.
    const std::vector<Value> items = entry.items();
    if (items.empty()) entry.fail("an empty list of engines");
    for (size_t i = 0; i < items.size(); ++i) {
      add(key, items[i], engine_kind(key, items[i]), fmt::format("{}-{}", id, i + 1));
    }
  }
  for (Engine& engine : engines) {
    if (engine.kind == EngineKind::copy) find_peers(engine, engines, so_far);
  }
  return engines;
}

}  // namespace mirrorlab::scenario
