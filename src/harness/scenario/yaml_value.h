// A strict view of a YAML document: yaml-cpp behind it, none of its leniency in front.
//
// Duplicate and unknown keys, wrong types, quoted or unquoted `yes` for a bool, missing units and
// foreign tags end the reading with ReadError, which names the place. Scalars have their ${name}
// variables replaced before they are looked at.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/scenario/error.h"
#include "harness/scenario/units.h"

namespace mirrorlab::scenario {

using Variables = std::map<std::string, std::string>;

// Thrown inside the reader only; read_scenario_file turns it into an Error.
class ReadError : public std::runtime_error {
 public:
  ReadError(Location at, const std::string& message) : std::runtime_error(message), at_(at) {}
  [[nodiscard]] Location at() const { return at_; }

 private:
  Location at_;
};

class Value {
 public:
  // `variables` outlives the value. `name` is how messages call it: "links[1].delay".
  Value(const YAML::Node& node, std::string name, const Variables* variables,
        Location fallback = {1, 1});

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Location at() const { return at_; }
  [[noreturn]] void fail(const std::string& message) const;

  [[nodiscard]] const YAML::Node& node() const { return node_; }
  [[nodiscard]] bool is_map() const { return node_.IsMap(); }
  [[nodiscard]] bool is_list() const { return node_.IsSequence(); }
  [[nodiscard]] bool is_scalar() const { return node_.IsScalar(); }
  [[nodiscard]] bool is_quoted() const { return node_.IsScalar() && node_.Tag() == "!"; }

  [[nodiscard]] std::string text() const;        // any scalar, not empty
  [[nodiscard]] std::string identifier() const;  // letters, digits, - and _, at most 32
  [[nodiscard]] uint64_t integer(uint64_t low, uint64_t high) const;
  [[nodiscard]] bool boolean() const;  // true or false, nothing else
  [[nodiscard]] Duration duration() const;
  [[nodiscard]] uint64_t size() const;
  [[nodiscard]] uint64_t rate() const;
  [[nodiscard]] double percent() const;
  [[nodiscard]] Range<Duration> duration_range() const;
  [[nodiscard]] Range<uint64_t> size_range() const;
  [[nodiscard]] Range<uint64_t> count_range() const;
  // One of `names`; gives its index.
  [[nodiscard]] size_t choice(std::initializer_list<std::string_view> names) const;

  [[nodiscard]] std::vector<Value> items() const;  // of a list
  // Of a map, in the file's order, duplicates refused.
  [[nodiscard]] std::vector<std::pair<Value, Value>> entries() const;

 private:
  template <typename T>
  T quantity(Parsed<T> (*parse)(std::string_view)) const;
  [[nodiscard]] std::string substituted(const std::string& raw) const;
  [[nodiscard]] std::string kind() const;

  YAML::Node node_;
  std::string name_;
  const Variables* variables_;
  Location at_;
};

// The fields of a map whose keys are all known.
class Fields {
 public:
  Fields(const Value& map, const std::vector<std::string_view>& known);

  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] const Value& need(std::string_view key) const;
  [[nodiscard]] const Value& map() const { return map_; }

 private:
  Value map_;
  std::map<std::string, Value, std::less<>> fields_;
};

}  // namespace mirrorlab::scenario
