// What is right in each part of a scenario and wrong in the whole.
#include <fmt/format.h>

#include <map>

#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {
namespace {

void check_roles(const Value& root, const Scenario& scenario) {
  for (const Role role : {Role::clients, Role::online, Role::test}) {
    const Node* first = scenario.node_of(role);
    if (!first) root.fail(fmt::format("a scenario needs a node with `role: {}`", to_string(role)));
    if (role == Role::clients) continue;
    for (const Node& node : scenario.nodes) {
      if (node.role == role && &node != first) {
        throw ReadError(node.at,
                        fmt::format("a second node with `role: {}`; `{}` is the first, and "
                                    "one is judged",
                                    to_string(role), first->name));
      }
    }
  }
}

// Each online service is compared with one test service.
void check_mappings(const Scenario& scenario) {
  std::map<uint16_t, const Mapping*> judged;
  for (const Engine& engine : scenario.engines) {
    for (const Mapping& m : engine.map) {
      const Mapping& first = *judged.try_emplace(m.online_port, &m).first->second;
      if (m.test_node != first.test_node || m.test_port != first.test_port) {
        throw ReadError(
            engine.at,
            fmt::format("engines.{}.map: a second mapping of port {}; {} -> {}:{} is the first, "
                        "and one is judged",
                        engine.id, m.online_port, first.online_port, first.test_node,
                        first.test_port));
      }
    }
  }
}

}  // namespace

void check_whole(const Value& root, const Scenario& scenario) {
  check_roles(root, scenario);
  check_mappings(scenario);
}

}  // namespace mirrorlab::scenario
