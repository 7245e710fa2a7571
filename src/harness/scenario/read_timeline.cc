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
    Action{"restart", FaultAction::restart}, Action{"start", FaultAction::start},
    Action{"link", FaultAction::link},       Action{"run", FaultAction::run}};

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

// What is said in one word and done by what there is: a node's links, a command on a node.
constexpr std::array<std::string_view, 3> kShorthands{"isolate", "break", "buffers"};

// The engine is away until then.
std::string start_by_timeline(const Value& value, Duration earliest, Scenario& scenario) {
  const std::string id = value.text();
  const auto engine = std::ranges::find(scenario.engines, id, &Engine::id);
  if (engine == scenario.engines.end()) {
    std::vector<std::string> known;
    for (const Engine& e : scenario.engines) known.push_back(e.id);
    value.fail(fmt::format("no engine `{}`{}", id, suggestion(id, known)));
  }
  if (engine->start) {
    value.fail(fmt::format("`{}` has a start already; `restart` starts one again", id));
  }
  engine->start = earliest;
  engine->start_by_timeline = true;
  return id;
}

// All links of a node go down.
std::vector<Fault> isolate(const Value& value, Scenario& scenario, const Fault& when) {
  const std::string node = read_node_name(value, scenario).name;
  std::vector<Fault> faults;
  for (Link& link : scenario.links) {
    if (link.a != node && link.b != node) continue;
    link.impaired = true;
    faults.push_back(when);
    Fault& fault = faults.back();
    fault.action = FaultAction::link;
    fault.link_a = link.a;
    fault.link_b = link.b;
    fault.there.down = fault.back.down = true;
  }
  if (faults.empty()) value.fail(fmt::format("`{}` has no links", node));
  return faults;
}

// An engine's header connections are destroyed: each end gets a reset, as from a middlebox.
std::vector<Fault> break_headers(const Value& value, const Scenario& scenario, const Fault& when) {
  const std::string id = value.text();
  const Engine* engine = scenario.engine(id);
  if (engine == nullptr) {
    std::vector<std::string> known;
    for (const Engine& e : scenario.engines) known.push_back(e.id);
    value.fail(fmt::format("no engine `{}`{}", id, suggestion(id, known)));
  }
  Fault fault = when;
  fault.action = FaultAction::run;
  fault.on = engine->on;
  if (engine->kind == EngineKind::intercept) {
    fault.command = fmt::format("ss -K sport = {}", engine->port);
    return {fault};
  }
  std::vector<Fault> faults;
  for (const std::string& peer : engine->peers) {
    fault.command = fmt::format("ss -K dport = {}", scenario.engine(peer)->port);
    const auto same = [&](const Fault& f) { return f.command == fault.command; };
    if (std::ranges::none_of(faults, same)) faults.push_back(fault);
  }
  if (faults.empty()) value.fail("it has no intercept engine, thus no header connection");
  return faults;
}

// The most that TCP gives a socket of the node, each way; `default` is the kernel's own.
std::vector<Fault> set_buffers(const Value& value, const Fields& fields, const Scenario& scenario,
                               const Fault& when) {
  constexpr uint64_t kLeast = 4096, kMost = 4'194'304;
  Fault fault = when;
  fault.action = FaultAction::buffers;
  if (value.text() != "default") {
    fault.buffer_bytes = value.size();
    if (fault.buffer_bytes < kLeast || fault.buffer_bytes > kMost) {
      value.fail("expected a size from 4KiB to 4MiB, or default");
    }
  }
  const Node& node = read_node_name(fields.need("on"), scenario);
  if (node.role == Role::bridge) value.fail(fmt::format("`{}` is a bridge: no sockets", node.name));
  fault.on = node.name;
  return {fault};
}

// Nothing: it is no shorthand.
std::vector<Fault> read_shorthand(const Fields& fields, Scenario& scenario, const Fault& base) {
  Fault when = base;
  if (std::ranges::none_of(kShorthands, [&](auto word) { return fields.find(word) != nullptr; })) {
    return {};
  }
  for (const char* other : {"restart_after", "on"}) {
    const Value* v = fields.find(other);
    if (v == nullptr || (std::string_view(other) == "on" && fields.find("buffers"))) continue;
    v->fail("does not go with isolate, break or buffers");
  }
  if (const Value* v = fields.find("for")) {
    if (fields.find("break") != nullptr) v->fail("goes with link, isolate, buffers or stop only");
    when.lasting = v->duration();
  }
  if (const Value* v = fields.find("isolate")) return isolate(*v, scenario, when);
  if (const Value* v = fields.find("buffers")) return set_buffers(*v, fields, scenario, when);
  if (const Value* v = fields.find("break")) return break_headers(*v, scenario, when);
  return {};
}

// `at`, or `when` with `within`, or both.
void read_time(const Fields& fields, Scenario& scenario, Fault& fault) {
  const Value* at = fields.find("at");
  const Value* when = fields.find("when");
  const Value* within = fields.find("within");
  if (!at && !when) {
    fields.map().fail("when? Give it `at: 1s`, or `when: CONDITION` with `within: 5s`");
  }
  if (at) fault.when = at->duration();
  if (!when && within) within->fail("goes with `when` only");
  if (!when) return;
  if (!within) when->fail("lacks its bound: add `within: 5s`");
  fault.wait = read_wait(*when, *within, scenario);
}

std::vector<Fault> read_fault(const Value& value, Scenario& scenario) {
  const Fields fields(
      value, impairment_keys_and(
                 {"at",      "when",  "within", "kill",          "terminate", "stop",   "continue",
                  "restart", "start", "link",   "restart_after", "for",       "run",    "on",
                  "mtu",     "there", "back",   "isolate",       "break",     "buffers"}));
  Fault fault;
  fault.at = value.at();
  read_time(fields, scenario, fault);
  const Value* target = nullptr;
  for (const Action& action : kActions) {
    const Value* found = fields.find(action.key);
    if (!found) continue;
    if (target) found->fail("one action for each entry; make this an entry of its own");
    target = found;
    fault.action = action.action;
  }
  for (const std::string_view word : kShorthands) {
    const Value* found = fields.find(word);
    if (!found) continue;
    if (target) found->fail("one action for each entry; make this an entry of its own");
    target = found;
  }
  if (!target) {
    value.fail(
        "what happens? One of kill, terminate, stop, continue, restart, start, link, isolate, "
        "break, buffers, run");
  }

  read_impairments(fields, fault.there);
  if (const Value* v = fields.find("mtu")) {
    fault.there.mtu = static_cast<uint32_t>(v->integer(576, 65'000));
  }
  fault.back = fault.there;
  if (const Value* v = fields.find("there")) read_one_way(*v, fault.there);
  if (const Value* v = fields.find("back")) read_one_way(*v, fault.back);
  const bool changes = fault.there.any() || fault.back.any();
  if (!changes) {
    if (auto faults = read_shorthand(fields, scenario, fault); !faults.empty()) return faults;
  }
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
  } else if (changes) {
    value.fail("only `link:` takes impairments");
  } else if (fault.action == FaultAction::start) {
    fault.target = start_by_timeline(*target, fault.when, scenario);
  } else {
    fault.target = read_program(*target, target->text(), scenario);
  }
  if (fault.action != FaultAction::link && changes) value.fail("only `link:` takes impairments");
  if (const Value* on = fields.find("on"); on && fault.action != FaultAction::run) {
    on->fail("goes with run and buffers only");
  }
  const bool ends_process =
      fault.action == FaultAction::kill || fault.action == FaultAction::terminate;
  if (after) {
    if (!ends_process) after->fail("goes with kill or terminate only");
    fault.restart_after = after->duration();
  }
  if (lasting) {
    if (fault.action != FaultAction::link && fault.action != FaultAction::stop) {
      lasting->fail("goes with link, isolate, buffers or stop only");
    }
    fault.lasting = lasting->duration();
  }
  return {fault};
}

}  // namespace

std::vector<Fault> read_timeline(const Value& value, Scenario& so_far) {
  std::vector<Fault> faults;
  for (const Value& item : value.items()) {
    for (Fault& fault : read_fault(item, so_far)) faults.push_back(std::move(fault));
  }
  std::ranges::stable_sort(faults, {}, &Fault::when);
  return faults;
}

}  // namespace mirrorlab::scenario
