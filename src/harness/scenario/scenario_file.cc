#include "harness/scenario/scenario_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "harness/scenario/capability_name.h"
#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"
#include "harness/scenario/yaml_scan.h"
#include "harness/scenario/yaml_value.h"

namespace mirrorlab::scenario {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxVariants = 256;

// Refuses what is no text before the YAML parser sees it.
void check_text(std::string_view text) {
  Location at{1, 1};
  bool indent = true;  // nothing but spaces in this line so far
  for (size_t i = 0; i < text.size(); ++i, ++at.column) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      ++at.line;
      at.column = 0;
      indent = true;
      continue;
    }
    if (c == '\t' && indent) throw ReadError(at, "a tab indents this line; YAML wants spaces");
    indent = indent && c == ' ';
    if (c == '\t' || c == '\r' || (c >= 0x20 && c < 0x7f)) continue;
    // UTF-8: a lead byte and its continuation bytes.
    const size_t more = c >= 0xf0 && c < 0xf5 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
    bool good = c >= 0xc2 && c < 0xf5 && i + more < text.size();
    for (size_t k = 1; good && k <= more; ++k) {
      good = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    }
    if (!good) {
      throw ReadError(at,
                      fmt::format("byte 0x{:02x} is no UTF-8 text; is this a scenario file?", c));
    }
    i += more;
  }
}

std::vector<Expression> read_conditions(const Value& value, const Scenario& scenario) {
  std::vector<std::string> engines;
  for (const Engine& engine : scenario.engines) engines.push_back(engine.id);
  std::vector<Expression> conditions;
  for (const Value& item : value.items()) {
    auto expression = parse_expression(item.text(), engines);
    if (!expression) item.fail(expression.error());
    conditions.push_back(std::move(*expression));
  }
  return conditions;
}

std::vector<std::string> read_words(const Value& value) {
  std::vector<std::string> words;
  for (const Value& item : value.items()) words.push_back(item.identifier());
  return words;
}

std::vector<std::string> read_requirements(const Value& value) {
  std::vector<std::string> known;
  for (const auto& capability : capability_names()) known.push_back(capability.name);
  std::vector<std::string> names;
  for (const Value& item : value.items()) {
    names.push_back(item.identifier());
    if (std::ranges::find(known, names.back()) == known.end()) {
      item.fail(fmt::format("no capability `{}`{}", names.back(), suggestion(names.back(), known)));
    }
  }
  return names;
}

const std::vector<std::string_view> kTopLevel{
    "schema", "name",  "about", "labels",  "seed",    "timeout",  "drain",  "requires", "matrix",
    "ip",     "nodes", "links", "engines", "traffic", "timeline", "always", "expect"};

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
  scenario.nodes = read_nodes(fields.need("nodes"));
  if (const Value* v = fields.find("links")) scenario.links = read_links(*v, scenario);
  if (const Value* v = fields.find("engines")) scenario.engines = read_engines(*v, scenario);
  if (const Value* v = fields.find("traffic")) scenario.traffic = read_traffic(*v, scenario);
  if (const Value* v = fields.find("timeline")) scenario.timeline = read_timeline(*v, scenario);
  if (const Value* v = fields.find("always")) scenario.always = read_conditions(*v, scenario);
  if (const Value* v = fields.find("expect")) scenario.expect = read_conditions(*v, scenario);
  check_whole(root, scenario);
  return scenario;
}

void check_choices(const std::string& variable, const std::vector<Value>& choices) {
  std::set<std::string> seen;
  for (const Value& choice : choices) {
    if (variable == "ip") (void)choice.choice({"v4", "v6"});
    if (!seen.insert(choice.text()).second) {
      choice.fail(fmt::format("`{}` a second time: two variants would be one", choice.text()));
    }
  }
}

// Every combination of the matrix, the last name turning fastest.
std::vector<Variables> read_matrix(const YAML::Node& document,
                                   const std::vector<std::string>& with_variables) {
  const Variables none;
  std::vector<Variables> variants{{}};
  const Value root(document, "", &none);
  if (!root.is_map()) root.fail("a scenario is a map (key: value); begin with `schema: 1`");
  for (const auto& [key, matrix] : root.entries()) {
    if (key.name() != "matrix") continue;
    for (const auto& [name, values] : matrix.entries()) {
      const std::string variable = name.identifier();
      const std::vector<Value> choices = values.items();
      if (choices.empty()) values.fail("needs at least one value");
      check_choices(variable, choices);
      const auto uses = [&](const std::string& scalar) {
        return scalar.find("${" + variable + "}") != std::string::npos;
      };
      if (variable != "ip" && std::ranges::none_of(with_variables, uses)) {
        name.fail(
            fmt::format("the variable is never used; write `${{{}}}` where it goes", variable));
      }
      std::vector<Variables> wider;
      for (const Variables& variant : variants) {
        for (const Value& choice : choices) {
          wider.push_back(variant);
          wider.back()[variable] = choice.text();
        }
      }
      if (wider.size() > kMaxVariants) {
        matrix.fail(fmt::format("spans more than {} variants", kMaxVariants));
      }
      variants = std::move(wider);
    }
  }
  return variants;
}

std::string variant_name(const Variables& variables) {
  std::string name;
  for (const auto& [variable, value] : variables) {
    name += (name.empty() ? "" : ",") + variable + "=" + value;
  }
  // The name is a directory's, too.
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c) && !std::strchr("=,._-%", c); }, '_');
  return name;
}

// What the parser's own words leave unsaid.
const char* yaml_hint(std::string_view text, int line) {
  for (int n = 1; n < line && !text.empty(); ++n) {
    const size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  const bool variable = text.substr(0, text.find('\n')).find("${") != std::string_view::npos;
  return variable ? "; within { } and [ ] a ${variable} needs quotes around it" : "";
}

// Messages quote what the file says, which may be long and of many lines; they are neither.
std::string one_line(std::string message) {
  constexpr size_t kLongest = 600;
  if (message.size() > kLongest) message = message.substr(0, kLongest) + "...";
  std::ranges::replace_if(
      message, [](unsigned char c) { return c < 0x20; }, ' ');
  return message;
}

}  // namespace

tl::expected<std::vector<Scenario>, Error> read_scenario_text(std::string_view text,
                                                              const std::string& path) {
  try {
    if (text.size() > kMaxFileBytes) throw ReadError({1, 1}, "larger than 1 MiB: no scenario file");
    check_text(text);
    const std::string copy(text);
    const std::vector<std::string> with_variables = scan_yaml(copy);
    const YAML::Node document = YAML::Load(copy);
    if (!document || document.IsNull()) {
      throw ReadError({1, 1}, "empty; a scenario begins with `schema: 1`");
    }
    std::vector<Scenario> scenarios;
    for (const Variables& variables : read_matrix(document, with_variables)) {
      scenarios.push_back(read_variant(document, variables));
      scenarios.back().path = path;
      scenarios.back().variant = variant_name(variables);
    }
    return scenarios;
  } catch (const ReadError& error) {
    return tl::unexpected(Error{path, error.at(), one_line(error.what())});
  } catch (const YAML::Exception& error) {
    const int line = error.mark.line < 0 ? 1 : error.mark.line + 1;
    const int column = error.mark.column < 0 ? 1 : error.mark.column + 1;
    return tl::unexpected(
        Error{path, {line, column}, one_line("not YAML: " + error.msg + yaml_hint(text, line))});
  }
}

tl::expected<std::vector<Scenario>, Error> read_scenario_file(const std::string& path) {
  const auto cannot = [&](const std::string& why) {
    return tl::unexpected(Error{path, {}, "cannot read the scenario: " + why});
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return cannot("no such file (see `mirrorlab list`)");
  if (std::filesystem::is_directory(status)) return cannot("it is a directory");
  if (!std::filesystem::is_regular_file(status)) return cannot("it is not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return cannot(std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return cannot(std::strerror(errno));
  text.resize(static_cast<size_t>(in.gcount()));
  return read_scenario_text(text, path);
}

}  // namespace mirrorlab::scenario
