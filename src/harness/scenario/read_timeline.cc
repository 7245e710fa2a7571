// The timeline: what goes wrong, when, and for how long.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

struct Action {
  std::string_view key;
  FaultAction action;
};
constexpr std::array kActions{
    Action{"kill", FaultAction::kill},       Action{"terminate", FaultAction::terminate},
    Action{"stop", FaultAction::stop},       Action{"continue", FaultAction::cont},
    Action{"restart", FaultAction::restart}, Action{"link", FaultAction::link},
    Action{"run", FaultAction::run}};

// An engine's id or NODE.SERVICE.
std::string read_process(const Value& value, const Scenario& scenario) {
  std::string name = value.text();
  std::vector<std::string> known;
  for (const Engine& engine : scenario.engines) known.push_back(engine.id);
  for (const Node& node : scenario.nodes) {
    for (const Service& service : node.run) known.push_back(node.name + "." + service.id);
  }
  if (std::ranges::find(known, name) == known.end()) {
    value.fail(fmt::format("no engine and no service `{}`{}", name, suggestion(name, known)));
  }
  return name;
}

Link& read_link_name(const Value& value, Scenario& scenario) {
  const std::vector<Value> ends = value.items();
  if (ends.size() != 2) value.fail("a link is named by its two nodes: [a, b]");
  const std::string a = read_node_name(ends[0], scenario).name;
  const std::string b = read_node_name(ends[1], scenario).name;
  for (Link& link : scenario.links) {
    if ((link.a == a && link.b == b) || (link.a == b && link.b == a)) return link;
  }
  value.fail(fmt::format("there is no link between `{}` and `{}`", a, b));
}

Fault read_fault(const Value& value, Scenario& scenario) {
  const Fields fields(
      value, impairment_keys_and({"at", "kill", "terminate", "stop", "continue", "restart", "link",
                                  "restart_after", "for", "run", "on", "mtu", "there", "back"}));
  Fault fault;
  fault.at = value.at();
  fault.when = fields.need("at").duration();
  const Value* target = nullptr;
  for (const Action& action : kActions) {
    const Value* found = fields.find(action.key);
    if (!found) continue;
    if (target) found->fail("one action for each entry; make this an entry of its own");
    target = found;
    fault.action = action.action;
  }
  if (!target)
    value.fail("what happens? One of kill, terminate, stop, continue, restart, link, run");

  read_impairments(fields, fault.there);
  if (const Value* v = fields.find("mtu")) {
    fault.there.mtu = static_cast<uint32_t>(v->integer(576, 65'000));
  }
  fault.back = fault.there;
  if (const Value* v = fields.find("there")) read_one_way(*v, fault.there);
  if (const Value* v = fields.find("back")) read_one_way(*v, fault.back);
  const bool changes = fault.there.any() || fault.back.any();
  const Value* after = fields.find("restart_after");
  const Value* lasting = fields.find("for");
  if (fault.action == FaultAction::link) {
    Link& link = read_link_name(*target, scenario);
    if (!changes) value.fail("what of the link changes? Add loss, delay, down ...");
    link.impaired = true;
    fault.link_a = link.a;
    fault.link_b = link.b;
  } else if (fault.action == FaultAction::run) {
    fault.command = read_command_text(*target);
    fault.on = read_node_name(fields.need("on"), scenario).name;
  } else {
    fault.target = read_process(*target, scenario);
  }
  if (fault.action != FaultAction::link) {
    if (changes) value.fail("only `link:` takes impairments");
  }
  if (const Value* on = fields.find("on"); on && fault.action != FaultAction::run) {
    on->fail("goes with run only");
  }
  const bool ends_process =
      fault.action == FaultAction::kill || fault.action == FaultAction::terminate;
  if (after) {
    if (!ends_process) after->fail("goes with kill or terminate only");
    fault.restart_after = after->duration();
  }
  if (lasting) {
    if (fault.action != FaultAction::link && fault.action != FaultAction::stop) {
      lasting->fail("goes with link or stop only");
    }
    fault.lasting = lasting->duration();
  }
  return fault;
}

}  // namespace

std::vector<Fault> read_timeline(const Value& value, Scenario& so_far) {
  std::vector<Fault> faults;
  for (const Value& item : value.items()) faults.push_back(read_fault(item, so_far));
  std::ranges::stable_sort(faults, {}, &Fault::when);
  return faults;
}

}  // namespace mirrorlab::scenario
