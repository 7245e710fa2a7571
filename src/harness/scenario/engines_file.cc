#include "harness/scenario/engines_file.h"

#include <algorithm>

#include "harness/scenario/document.h"
#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {
namespace {

EnginesFile::Player read_player(const Value& value) {
  const Fields fields(value, {"on", "command", "options", "ready", "stop_signal"});
  EnginesFile::Player player;
  (void)fields.need("command");
  read_command_line(fields, player.engine);
  if (const Value* on = fields.find("on")) {
    (void)on->choice({"online", "test", "assistant"});
    player.role = on->text();
  }
  return player;
}

void play(Engine& engine, const EnginesFile::Player& player, const Scenario& scenario) {
  engine.command = player.engine.command;
  engine.options = player.engine.options;
  engine.ready = player.engine.ready;
  engine.stop_signal = player.engine.stop_signal;
  engine.capture.clear();
  engine.inject.clear();
  engine.via.clear();
  if (player.role.empty()) return;
  const auto suits = [&](const Node& n) { return to_string(n.role) == player.role; };
  const auto found = std::ranges::find_if(scenario.nodes, suits);
  if (found != scenario.nodes.end() && !suits(*scenario.node(engine.on))) engine.on = found->name;
}

}  // namespace

tl::expected<EnginesFile, Error> read_engines_text(std::string_view text, const std::string& path) {
  EnginesFile file;
  const Variables none;
  const auto read = [&](const YAML::Node& document, const std::vector<std::string>&) {
    const Value root(document, "", &none);
    const Fields fields(root, {"schema", "name", "about", "requires", "copy", "intercept"});
    const Value& schema = fields.need("schema");
    if (schema.text() != "1") schema.fail("this program reads `schema: 1`");
    file.name = fields.need("name").identifier();
    if (const Value* about = fields.find("about")) (void)about->text();
    if (const Value* v = fields.find("requires")) file.require = read_requirements(*v);
    file.copy = read_player(fields.need("copy"));
    file.intercept = read_player(fields.need("intercept"));
  };
  if (auto wrong = read_document(text, path, read)) return tl::unexpected(*wrong);
  return file;
}

tl::expected<EnginesFile, Error> read_engines_file(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text) return tl::unexpected(text.error());
  return read_engines_text(*text, path);
}

Scenario played_by(Scenario scenario, const EnginesFile& engines) {
  for (Engine& engine : scenario.engines) {
    play(engine, engine.kind == EngineKind::copy ? engines.copy : engines.intercept, scenario);
  }
  scenario.require.insert(scenario.require.end(), engines.require.begin(), engines.require.end());
  return scenario;
}

}  // namespace mirrorlab::scenario
