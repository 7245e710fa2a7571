#include "harness/scenario/scenario_file.h"

#include <fmt/format.h>

#include "harness/scenario/document.h"
#include "harness/scenario/matrix.h"
#include "harness/scenario/read_parts.h"
#include "harness/scenario/yaml_value.h"

namespace mirrorlab::scenario {
namespace {

std::vector<std::string> read_words(const Value& value) {
  std::vector<std::string> words;
  for (const Value& item : value.items()) words.push_back(item.identifier());
  return words;
}

Artifacts read_artifacts(const Value& value) {
  const Fields fields(value, {"captures", "logs", "sessions", "recordings"});
  Artifacts artifacts;
  const auto read = [&](const char* key, Keep& keep) {
    const Value* v = fields.find(key);
    if (v != nullptr) keep = static_cast<Keep>(v->choice({"always", "failure", "never"}));
  };
  read("captures", artifacts.captures);
  read("logs", artifacts.logs);
  read("sessions", artifacts.sessions);
  read("recordings", artifacts.recordings);
  return artifacts;
}

// true, false, {runs: 3, timeline: false}.
std::optional<ControlRun> read_control(const Value& value) {
  if (!value.is_map()) return value.boolean() ? std::optional(ControlRun{}) : std::nullopt;
  constexpr uint64_t kMostRuns = 9;
  const Fields fields(value, {"runs", "timeline"});
  ControlRun control;
  if (const Value* v = fields.find("runs")) control.runs = v->integer(1, kMostRuns);
  if (const Value* v = fields.find("timeline")) control.timeline = v->boolean();
  return control;
}

const std::vector<std::string_view> kTopLevel{
    "schema",   "name",   "about",      "labels", "seed",      "timeout", "drain",
    "requires", "matrix", "ip",         "nodes",  "links",     "engines", "traffic",
    "timeline", "always", "eventually", "expect", "artifacts", "control"};

Scenario read_variant(const YAML::Node& document, const Variables& variables) {
  const Value root(document, "", &variables);
  const Fields fields(root, kTopLevel);
  Scenario scenario;
  const Value& schema = fields.need("schema");
  if (schema.text() != "1") {
    schema.fail(fmt::format("this program reads `schema: 1`, not `{}`", schema.text()));
  }
  scenario.name = fields.need("name").identifier();
  if (const Value* v = fields.find("about")) scenario.about = v->text();
  if (const Value* v = fields.find("labels")) scenario.labels = read_words(*v);
  if (const Value* v = fields.find("seed")) scenario.seed = v->integer(0, UINT64_MAX);
  if (const Value* v = fields.find("timeout")) scenario.timeout = v->duration();
  if (const Value* v = fields.find("drain")) scenario.drain = v->duration();
  if (const Value* v = fields.find("requires")) scenario.require = read_requirements(*v);
  const auto ip_variable = variables.find("ip");
  if (const Value* v = fields.find("ip")) {
    scenario.ip = v->choice({"v4", "v6"}) == 0 ? Ip::v4 : Ip::v6;
  } else if (ip_variable != variables.end()) {
    scenario.ip = ip_variable->second == "v4" ? Ip::v4 : Ip::v6;
  }
  if (const Value* v = fields.find("artifacts")) scenario.artifacts = read_artifacts(*v);
  if (const Value* v = fields.find("control")) scenario.control = read_control(*v);
  scenario.nodes = read_nodes(fields.need("nodes"));
  if (const Value* v = fields.find("links")) scenario.links = read_links(*v, scenario);
  if (const Value* v = fields.find("engines")) scenario.engines = read_engines(*v, scenario);
  if (const Value* v = fields.find("traffic")) scenario.traffic = read_traffic(*v, scenario);
  if (const Value* v = fields.find("timeline")) scenario.timeline = read_timeline(*v, scenario);
  if (const Value* v = fields.find("always")) scenario.always = read_conditions(*v, scenario);
  if (const Value* v = fields.find("eventually")) {
    scenario.eventually = read_eventually(*v, scenario);
  }
  if (const Value* v = fields.find("expect")) scenario.expect = read_conditions(*v, scenario);
  check_whole(root, scenario);
  return scenario;
}

}  // namespace

tl::expected<std::vector<Scenario>, Error> read_scenario_text(std::string_view text,
                                                              const std::string& path) {
  std::vector<Scenario> scenarios;
  const auto read = [&](const YAML::Node& document, const std::vector<std::string>& variables) {
    for (const Variant& variant : read_matrix(document, variables)) {
      scenarios.push_back(read_variant(with_cells(document, variant), variant.variables));
      scenarios.back().path = path;
      scenarios.back().variant = variant.name;
    }
  };
  if (auto wrong = read_document(text, path, read)) return tl::unexpected(*wrong);
  return scenarios;
}

tl::expected<std::vector<Scenario>, Error> read_scenario_file(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text) return tl::unexpected(text.error());
  return read_scenario_text(*text, path);
}

}  // namespace mirrorlab::scenario
