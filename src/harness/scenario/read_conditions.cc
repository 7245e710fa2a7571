// Conditions: what must hold always, at the end, or once within a time.
#include <fmt/format.h>

#include <optional>

#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {

Expression read_expression(const Value& place, const std::string& text, const Scenario& scenario) {
  std::vector<std::string> engines;
  for (const Engine& engine : scenario.engines) engines.push_back(engine.id);
  std::vector<std::string> services;
  for (const Node& node : scenario.nodes) {
    for (const Service& service : node.run) services.push_back(node.name + "." + service.id);
  }
  auto expression = parse_expression(text, engines, services);
  if (!expression) place.fail(expression.error());
  if (expression->control && !scenario.control) {
    place.fail(
        fmt::format("`{}` compares with a control run: add `control: true`", expression->metric));
  }
  return std::move(*expression);
}

namespace {

Duration read_time(const Value& place, const std::string& text, const char* word) {
  const auto time = parse_duration(text);
  if (!time) place.fail(fmt::format("after `{}`: {}", word, time.error()));
  return *time;
}

// "COND within 5s", "COND within 5s after 1s".
Eventual read_sentence(const Value& value, const Scenario& scenario) {
  constexpr std::string_view kWithin = " within ", kAfter = " after ";
  const std::string text = value.text();
  const size_t within = text.find(kWithin);
  if (within == std::string::npos) {
    value.fail(fmt::format("`{}` lacks its time: write METRIC OP VALUE within 5s", text));
  }
  Eventual eventual;
  const std::string rest = text.substr(within + kWithin.size());
  const size_t after = rest.find(kAfter);
  eventual.within = read_time(value, rest.substr(0, after), "within");
  if (after != std::string::npos) {
    eventual.after = read_time(value, rest.substr(after + kAfter.size()), "after");
  }
  eventual.condition = read_expression(value, text.substr(0, within), scenario);
  return eventual;
}

// {COND, within: 5s, after: 1s}.
Eventual read_map(const Value& value, const Scenario& scenario) {
  Eventual eventual;
  std::optional<Expression> condition;
  bool bounded = false;
  for (const auto& [key, content] : value.entries()) {
    const std::string name = key.text();
    if (name == "within") {
      eventual.within = content.duration();
      bounded = true;
    } else if (name == "after") {
      eventual.after = content.duration();
    } else if (condition || content.is_map() || content.is_list() || content.is_scalar()) {
      key.fail(fmt::format("unknown key `{}`: write {{METRIC OP VALUE, within: 5s}}", name));
    } else {
      condition = read_expression(key, name, scenario);
    }
  }
  if (!condition) value.fail("lacks its condition: write {METRIC OP VALUE, within: 5s}");
  if (!bounded) value.fail("lacks its time: write {METRIC OP VALUE, within: 5s}");
  eventual.condition = std::move(*condition);
  return eventual;
}

}  // namespace

std::vector<Expression> read_conditions(const Value& value, const Scenario& scenario) {
  std::vector<Expression> conditions;
  for (const Value& item : value.items()) {
    if (item.is_map()) item.fail("a condition is one text: METRIC OP VALUE, without a colon");
    conditions.push_back(read_expression(item, item.text(), scenario));
  }
  return conditions;
}

std::vector<Eventual> read_eventually(const Value& value, const Scenario& scenario) {
  std::vector<Eventual> all;
  for (const Value& item : value.items()) {
    all.push_back(item.is_map() ? read_map(item, scenario) : read_sentence(item, scenario));
    Eventual& added = all.back();
    if (!added.condition.live) {
      item.fail(fmt::format(
          "{} is known when the run is over only; put the condition under "
          "`expect` (`mirrorlab metrics` says which are known before)",
          added.condition.percent ? "a percentage" : "`" + added.condition.metric + "`"));
    }
    added.text = fmt::format("{} within {}", added.condition.text, to_text(added.within));
    if (added.after.count() > 0) added.text += " after " + to_text(added.after);
  }
  return all;
}

}  // namespace mirrorlab::scenario
