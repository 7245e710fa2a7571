// What an entry of the timeline waits for.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

constexpr std::string_view kReady = " ready";
// In one word what a session sees.
struct State {
  std::string_view word, sees;
};
constexpr std::array kStates{
    State{"opened", "SYN from clients"}, State{"established", "SYN-ACK from test"},
    State{"answered", "DATA from test"}, State{"closing", "FIN from clients"}};

bool about_sessions(const std::string& text) {
  return text.starts_with("session ") || text.starts_with("any session");
}

BreakExpression read_sighting(const Value& value, const std::string& text, Scenario& scenario) {
  std::string long_form = text;
  const size_t last = text.rfind(' ');
  const auto* state = std::ranges::find(kStates, text.substr(last + 1), &State::word);
  if (state != kStates.end()) {
    long_form = text.substr(0, last) + " sees " + std::string(state->sees);
  }
  auto sighting = parse_break(long_form);
  if (!sighting) {
    value.fail(sighting.error() + "; or `session N` and opened, established, answered or closing");
  }
  if (scenario.engines_of(EngineKind::copy).empty()) {
    value.fail("sessions are those that a copy engine mirrors, and there is none");
  }
  std::vector<std::string> links;
  for (Link& link : scenario.links) {
    link.impaired = true;
    links.push_back(link.a + "-" + link.b);
  }
  if (!sighting->link.empty() && std::ranges::find(links, sighting->link) == links.end()) {
    value.fail(fmt::format("no link `{}`{}", sighting->link, suggestion(sighting->link, links)));
  }
  return std::move(*sighting);
}

Expression read_state(const Value& value, const std::string& text, const Scenario& scenario) {
  Expression condition = read_expression(value, text, scenario);
  if (!condition.live) {
    value.fail(
        fmt::format("{} is known when the run is over only (`mirrorlab metrics` says which "
                    "are known before)",
                    condition.percent ? "a percentage" : "`" + condition.metric + "`"));
  }
  const auto counts = [](const Traffic& t) { return t.kind != TrafficKind::command; };
  if (condition.metric.starts_with("traffic.") && std::ranges::none_of(scenario.traffic, counts)) {
    value.fail(fmt::format("`{}` is counted by the built-in clients, and there are none",
                           condition.metric));
  }
  return condition;
}

}  // namespace

std::string read_program(const Value& value, const std::string& name, const Scenario& scenario) {
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

Wait read_wait(const Value& when, const Value& within, Scenario& scenario) {
  Wait wait;
  wait.text = when.text();
  wait.within = within.duration();
  if (wait.within.count() == 0) within.fail("expected more than 0");
  if (about_sessions(wait.text)) {
    wait.sighting = read_sighting(when, wait.text, scenario);
  } else if (wait.text.ends_with(kReady)) {
    const std::string name = wait.text.substr(0, wait.text.size() - kReady.size());
    wait.ready = read_program(when, name, scenario);
  } else if (wait.text.find_first_of("=!<>") == std::string::npos) {
    when.fail(
        fmt::format("`{}` is nothing to wait for: write METRIC OP VALUE, `session 17 "
                    "established`, `session 17 sees FIN from clients`, or `PROGRAM ready`",
                    wait.text));
  } else {
    wait.condition = read_state(when, wait.text, scenario);
  }
  return wait;
}

}  // namespace mirrorlab::scenario
