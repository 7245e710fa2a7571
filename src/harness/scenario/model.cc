#include "harness/scenario/model.h"

#include <algorithm>

namespace mirrorlab::scenario {
namespace {

template <typename List, typename Predicate>
auto find_in(const List& list, Predicate predicate) -> decltype(list.data()) {
  const auto found = std::ranges::find_if(list, predicate);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

const Node* Scenario::node(std::string_view wanted) const {
  return find_in(nodes, [&](const Node& n) { return n.name == wanted; });
}

const Engine* Scenario::engine(std::string_view id) const {
  return find_in(engines, [&](const Engine& e) { return e.id == id; });
}

const Node* Scenario::node_of(Role role) const {
  return find_in(nodes, [&](const Node& n) { return n.role == role; });
}

std::vector<const Node*> Scenario::nodes_of(Role role) const {
  std::vector<const Node*> all;
  for (const Node& n : nodes) {
    if (n.role == role) all.push_back(&n);
  }
  return all;
}

std::vector<const Engine*> Scenario::engines_of(EngineKind kind) const {
  std::vector<const Engine*> all;
  for (const Engine& e : engines) {
    if (e.kind == kind) all.push_back(&e);
  }
  return all;
}

const char* to_string(Role role) {
  switch (role) {
    case Role::clients:
      return "clients";
    case Role::online:
      return "online";
    case Role::test:
      return "test";
    case Role::assistant:
      return "assistant";
    case Role::router:
      return "router";
    case Role::bridge:
      return "bridge";
  }
  return "?";
}

const char* to_string(ServiceKind kind) {
  switch (kind) {
    case ServiceKind::recorder:
      return "recorder";
    case ServiceKind::nginx:
      return "nginx";
    case ServiceKind::redis:
      return "redis";
    case ServiceKind::memcached:
      return "memcached";
    case ServiceKind::command:
      return "command";
  }
  return "?";
}

const char* to_string(EngineKind kind) { return kind == EngineKind::copy ? "copy" : "intercept"; }

const char* to_string(FaultAction action) {
  switch (action) {
    case FaultAction::kill:
      return "kill";
    case FaultAction::terminate:
      return "terminate";
    case FaultAction::stop:
      return "stop";
    case FaultAction::cont:
      return "continue";
    case FaultAction::restart:
      return "restart";
    case FaultAction::start:
      return "start";
    case FaultAction::link:
      return "link";
    case FaultAction::run:
      return "run";
    case FaultAction::buffers:
      return "buffers";
  }
  return "?";
}

}  // namespace mirrorlab::scenario
