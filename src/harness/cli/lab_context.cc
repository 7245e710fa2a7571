#include "harness/cli/lab_context.h"

#include <stdexcept>

#include "harness/scenario/command_text.h"

namespace mirrorlab::cli {

std::map<std::string, std::string> placeholder_values(const LabContext& lab,
                                                      const std::string& node) {
  std::map<std::string, std::string> v{{"out", lab.out},
                                       {"programs", lab.programs},
                                       {"seed", std::to_string(lab.scenario.seed)},
                                       {"address", lab.plan.address(node).to_string()}};
  const auto address_of = [&](scenario::Role role, const std::string& name) {
    if (const auto* n = lab.scenario.node_of(role)) v[name] = lab.plan.address(n->name).to_string();
  };
  address_of(scenario::Role::online, "online");
  address_of(scenario::Role::test, "test");
  address_of(scenario::Role::clients, "client");
  if (const auto* n = lab.scenario.node_of(scenario::Role::clients)) {
    v["clients"] = lab.plan.prefix(n->name);
  }
  for (const auto& n : lab.scenario.nodes) {
    v[n.name + ".address"] = lab.plan.address(n.name).to_string();
    v[n.name + ".prefix"] = lab.plan.prefix(n.name);
  }
  for (const auto& e : lab.scenario.engines) {
    v.try_emplace(e.id + ".address", lab.plan.address(e.on).to_string());
    v[e.id + ".port"] = std::to_string(e.port);
    if (e.kind == scenario::EngineKind::intercept) {
      v.try_emplace("intercept", lab.plan.address(e.on).to_string());
      v.try_emplace("intercept_port", std::to_string(e.port));
    } else if (!e.map.empty()) {
      v.try_emplace("online_port", std::to_string(e.map[0].online_port));
      v.try_emplace("test_port", std::to_string(e.map[0].test_port));
    }
  }
  return v;
}

std::vector<std::string> command_line(const std::string& command,
                                      const std::vector<std::string>& options,
                                      const std::map<std::string, std::string>& values) {
  const auto filled = [&](const std::string& text) {
    auto result = scenario::fill_placeholders(text, values);
    if (!result) throw std::runtime_error("in `" + text + "`: " + result.error());
    return *result;
  };
  std::vector<std::string> words;
  if (!command.empty()) {
    // Split first: a value with a blank in it stays one word.
    auto split = scenario::split_words(command);
    if (!split) throw std::runtime_error("in `" + command + "`: " + split.error());
    for (const auto& word : *split) words.push_back(filled(word));
  }
  for (const auto& option : options) words.push_back(filled(option));
  return words;
}

}  // namespace mirrorlab::cli
