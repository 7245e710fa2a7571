#include "harness/scenario/yaml_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

// Values are shown in messages; a long or multi-line one is cut.
std::string shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

Value::Value(const YAML::Node& node, std::string name, const Variables* variables,
             Location fallback)
    : node_(node), name_(std::move(name)), variables_(variables), at_(fallback) {
  const YAML::Mark mark = node_.Mark();
  // Why: yaml-cpp marks an empty value where the next thing begins; its key is where to look.
  if (mark.line >= 0 && !node_.IsNull()) at_ = {mark.line + 1, mark.column + 1};
  const std::string& tag = node_.Tag();
  if (!tag.empty() && tag != "?" && tag != "!" && !tag.starts_with("tag:yaml.org,2002:")) {
    fail(fmt::format("the tag `{}` means nothing here, leave it out", shown(tag)));
  }
}

void Value::fail(const std::string& message) const {
  throw ReadError(at_, name_.empty() ? message : name_ + ": " + message);
}

std::string Value::kind() const {
  if (node_.IsMap()) return "a map";
  if (node_.IsSequence()) return "a list";
  if (node_.IsScalar()) return "`" + shown(node_.Scalar()) + "`";
  return "nothing";
}

std::string Value::substituted(const std::string& raw) const {
  std::string result;
  size_t from = 0;
  for (size_t start = raw.find("${"); start != std::string::npos; start = raw.find("${", from)) {
    const size_t end = raw.find('}', start);
    if (end == std::string::npos) fail("`${` without its closing brace");
    const std::string variable = raw.substr(start + 2, end - start - 2);
    const auto found = variables_->find(variable);
    if (found == variables_->end()) {
      std::vector<std::string> known;
      for (const auto& entry : *variables_) known.push_back(entry.first);
      fail(fmt::format("no variable `{}`; variables are the names under matrix{}", shown(variable),
                       suggestion(variable, known)));
    }
    result += raw.substr(from, start - from) + found->second;
    from = end + 1;
  }
  return result + raw.substr(from);
}

std::string Value::text() const {
  if (node_.IsNull())
    fail("expected a value, found nothing; write one, or leave an optional key out");
  if (!node_.IsScalar()) fail("expected a single value, found " + kind());
  std::string result = substituted(node_.Scalar());
  if (result.empty()) fail("expected a value, found an empty one");
  return result;
}

std::string Value::identifier() const {
  std::string result = text();
  const bool good = result.size() <= 32 && std::isalpha(static_cast<unsigned char>(result[0])) &&
                    std::ranges::all_of(result, [](unsigned char c) {
                      return std::isalnum(c) || c == '-' || c == '_';
                    });
  if (!good) {
    fail(fmt::format("`{}` is no name: letters, digits, - and _, a letter first, at most 32",
                     shown(result)));
  }
  return result;
}

uint64_t Value::integer(uint64_t low, uint64_t high) const {
  const std::string raw = text();
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (error != std::errc() || end != raw.data() + raw.size() || number < low || number > high) {
    fail(fmt::format("expected a whole number from {} to {}, found `{}`", low, high, shown(raw)));
  }
  return number;
}

bool Value::boolean() const {
  // Why the tag: "true" in quotes is a text ("!"), true without them is "?". A variable needs its
  // quotes.
  const bool variable = node_.IsScalar() && node_.Scalar().find("${") != std::string::npos;
  if (node_.IsScalar() && (variable || node_.Tag() != "!")) {
    const std::string raw = text();
    if (raw == "true") return true;
    if (raw == "false") return false;
  }
  fail("expected true or false, found " + kind());
}

template <typename T>
T Value::quantity(Parsed<T> (*parse)(std::string_view)) const {
  const auto result = parse(text());
  if (!result) fail(result.error());
  return *result;
}

Duration Value::duration() const { return quantity(parse_duration); }
uint64_t Value::size() const { return quantity(parse_size); }
uint64_t Value::rate() const { return quantity(parse_rate); }
double Value::percent() const { return quantity(parse_percent); }
Range<Duration> Value::duration_range() const { return quantity(parse_duration_range); }
Range<uint64_t> Value::size_range() const { return quantity(parse_size_range); }
Range<uint64_t> Value::count_range() const { return quantity(parse_count_range); }

size_t Value::choice(std::initializer_list<std::string_view> names) const {
  const std::string raw = text();
  const auto* found = std::ranges::find(names, raw);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  const std::vector<std::string> known(names.begin(), names.end());
  fail(fmt::format("unknown value `{}`{}", shown(raw), suggestion(raw, known)));
}

std::vector<Value> Value::items() const {
  if (node_.IsScalar()) {
    fail(fmt::format("expected a list, found {0}; write [{1}]", kind(), shown(node_.Scalar())));
  }
  if (!node_.IsSequence()) {
    fail(fmt::format("expected a list, found {}{}", kind(),
                     node_.IsMap() ? "; begin each entry with `- `" : ""));
  }
  std::vector<Value> result;
  size_t index = 0;
  for (const YAML::Node& item : node_) {
    result.emplace_back(item, fmt::format("{}[{}]", name_, index++), variables_, at_);
  }
  return result;
}

std::vector<std::pair<Value, Value>> Value::entries() const {
  if (!node_.IsMap()) {
    fail(fmt::format("expected a map (key: value), found {}{}", kind(),
                     node_.IsSequence() ? "; leave the `- ` of its entries out" : ""));
  }
  std::vector<std::pair<Value, Value>> result;
  std::map<std::string, Location> seen;
  for (const auto& entry : node_) {
    const Value key(entry.first, name_, variables_, at_);
    if (!key.is_scalar()) key.fail("a key must be a name, found " + key.kind());
    const std::string& key_name = entry.first.Scalar();
    const auto [earlier, first] = seen.emplace(key_name, key.at());
    if (!first) {
      key.fail(fmt::format("duplicate key `{}`, first given in line {}", shown(key_name),
                           earlier->second.line));
    }
    result.emplace_back(Value(entry.first, key_name, variables_, at_),
                        Value(entry.second, name_.empty() ? key_name : name_ + "." + key_name,
                              variables_, key.at()));
  }
  return result;
}

Fields::Fields(const Value& map, const std::vector<std::string_view>& known) : map_(map) {
  for (auto& [key, value] : map.entries()) {
    if (key.name() == "<<") key.fail("merge keys are not read here; write the keys themselves");
    if (std::ranges::find(known, key.name()) == known.end()) {
      const std::vector<std::string> names(known.begin(), known.end());
      throw ReadError(
          key.at(), fmt::format("{}unknown key `{}`{}", map.name().empty() ? "" : map.name() + ": ",
                                shown(key.name()), suggestion(key.name(), names)));
    }
    fields_.emplace(key.name(), value);
  }
}

const Value* Fields::find(std::string_view key) const {
  const auto found = fields_.find(key);
  return found == fields_.end() ? nullptr : &found->second;
}

const Value& Fields::need(std::string_view key) const {
  if (const Value* value = find(key)) return *value;
  map_.fail(fmt::format("the key `{}` is missing", key));
}

}  // namespace mirrorlab::scenario
