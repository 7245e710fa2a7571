// What is right in each part of a scenario and wrong in the whole.
#include <fmt/format.h>

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

// The verifier compares one online service with one test service.
void check_mappings(const Scenario& scenario) {
  const Mapping* judged = nullptr;
  for (const Engine& engine : scenario.engines) {
    for (const Mapping& m : engine.map) {
      if (!judged) judged = &m;
      if (m.online_port != judged->online_port || m.test_node != judged->test_node ||
          m.test_port != judged->test_port) {
        throw ReadError(
            engine.at,
            fmt::format("engines.{}.map: a second mapping; {} -> {}:{} is the first, "
                        "and one is judged",
                        engine.id, judged->online_port, judged->test_node, judged->test_port));
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
