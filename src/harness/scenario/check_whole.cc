// What is right in each part of a scenario and wrong in the whole.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/scenario/command_text.h"
#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

void check_roles(const Value& root, const Scenario& scenario) {
  for (const Role role : {Role::clients, Role::online, Role::test}) {
    if (!scenario.node_of(role)) {
      root.fail(fmt::format("a scenario needs a node with `role: {}`", to_string(role)));
    }
  }
}

void check_assistants(const Scenario& scenario) {
  std::vector<std::string> known;
  for (const Node* n : scenario.nodes_of(Role::assistant)) known.push_back(n->name);
  for (const Node& node : scenario.nodes) {
    if (node.assistant.empty()) continue;
    if (std::ranges::find(known, node.assistant) == known.end()) {
      throw ReadError(node.at,
                      fmt::format("nodes.{}.assistant: no node `{}` with `role: "
                                  "assistant`{}",
                                  node.name, node.assistant, suggestion(node.assistant, known)));
    }
  }
}

// Frames that a bridge passes on along a circle circle for ever: there is no spanning tree.
void check_bridges(const Scenario& scenario) {
  std::map<std::string, std::string> network;  // bridge -> a name for all it is joined with
  for (const Node* n : scenario.nodes_of(Role::bridge)) network[n->name] = n->name;
  const auto join = [&](const Link& l) {
    const std::string kept = network.at(l.a);
    const std::string gone = network.at(l.b);
    if (kept == gone) {
      throw ReadError(l.at,
                      fmt::format("the bridges `{}` and `{}` are joined already: frames would "
                                  "circle",
                                  l.a, l.b));
    }
    for (auto& [bridge, name] : network) {
      if (name == gone) name = kept;
    }
  };
  for (const Link& l : scenario.links) {
    if (network.contains(l.a) && network.contains(l.b)) join(l);
  }
  std::set<std::pair<std::string, std::string>> ends;
  for (const Link& l : scenario.links) {
    if (network.contains(l.a) == network.contains(l.b)) continue;
    const auto& [bridge, host] = network.contains(l.a) ? std::pair(l.a, l.b) : std::pair(l.b, l.a);
    if (!ends.emplace(network.at(bridge), host).second) {
      throw ReadError(l.at, fmt::format("`{}` is on this bridged network already", host));
    }
  }
}

// {online.address}, {clients.prefix}, {intercept.port}.
void check_placeholders(const Scenario& scenario) {
  const auto check = [&](const std::string& text, Location at) {
    for (const std::string& name : dotted_placeholders(text)) {
      const size_t dot = name.find('.');
      const std::string owner = name.substr(0, dot);
      const std::string what = name.substr(dot + 1);
      const bool node = scenario.node(owner) != nullptr;
      const bool engine = scenario.engine(owner) != nullptr;
      if (what == "address" && (node || engine)) continue;
      if ((what == "prefix" && node) || (what == "port" && engine)) continue;
      std::vector<std::string> known;
      for (const Node& n : scenario.nodes) {
        for (const char* suffix : {".address", ".prefix"}) known.push_back(n.name + suffix);
      }
      for (const Engine& e : scenario.engines) {
        for (const char* suffix : {".address", ".port"}) known.push_back(e.id + suffix);
      }
      throw ReadError(at,
                      fmt::format("unknown placeholder {{{}}}{}", name, suggestion(name, known)));
    }
  };
  const auto check_all = [&](const std::string& command, const std::vector<std::string>& options,
                             const Readiness& ready, Location at) {
    check(command, at);
    for (const std::string& option : options) check(option, at);
    if (ready.command) check(*ready.command, at);
  };
  for (const Node& n : scenario.nodes) {
    for (const Service& s : n.run) check_all(s.command, s.options, s.ready, s.at);
  }
  for (const Engine& e : scenario.engines) check_all(e.command, e.options, e.ready, e.at);
  for (const Traffic& t : scenario.traffic) check(t.command, t.at);
  for (const Fault& f : scenario.timeline) check(f.command, f.at);
}

// One engine cannot mirror a port twice; two engines can.
void check_mappings(const Scenario& scenario) {
  for (const Engine& engine : scenario.engines) {
    std::map<uint16_t, const Mapping*> seen;
    for (const Mapping& m : engine.map) {
      const Mapping& first = *seen.try_emplace(m.online_port, &m).first->second;
      if (&first == &m) continue;
      throw ReadError(
          engine.at,
          fmt::format("engines.{}.map: a second mapping of port {}; {} -> {}:{} is the first, and "
                      "one engine mirrors a port once (add another copy engine)",
                      engine.id, m.online_port, first.online_port, first.test_node,
                      first.test_port));
    }
  }
}

// What is mirrored is served at both ends.
void check_services(const Scenario& scenario) {
  const auto check = [&](const Engine& engine, const std::string& node, uint16_t port) {
    const auto& run = scenario.node(node)->run;
    if (std::ranges::find(run, port, &Service::port) != run.end()) return;
    throw ReadError(engine.at, fmt::format("engines.{}.map: nothing on `{}` listens on port {}; "
                                           "add a service under nodes.{}.run",
                                           engine.id, node, port, node));
  };
  for (const Engine* copy : scenario.engines_of(EngineKind::copy)) {
    for (const Mapping& m : copy->map) {
      check(*copy, copy->on, m.online_port);
      check(*copy, m.test_node, m.test_port);
    }
  }
}

// Two of ours would take each other's replies.
void check_intercepts(const Scenario& scenario) {
  std::map<std::string, const Engine*> ours;
  for (const Engine* e : scenario.engines_of(EngineKind::intercept)) {
    if (!e->command.empty()) continue;
    const auto [first, fresh] = ours.emplace(e->on, e);
    if (fresh) continue;
    throw ReadError(e->at, fmt::format("engines.{}: `{}` runs on `{}` already, and serves any "
                                       "number of copy engines",
                                       e->id, first->second->id, e->on));
  }
}

}  // namespace

void check_whole(const Value& root, const Scenario& scenario) {
  check_roles(root, scenario);
  check_assistants(scenario);
  check_bridges(scenario);
  check_mappings(scenario);
  check_services(scenario);
  check_intercepts(scenario);
  check_placeholders(scenario);
}

}  // namespace mirrorlab::scenario
