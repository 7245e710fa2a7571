#include "harness/scenario/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>

#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

constexpr size_t kMaxVariants = 1024;
// A cell says nothing about these.
constexpr std::array<std::string_view, 3> kOfTheFile{"schema", "name", "matrix"};

struct Choice {
  std::string text;
  std::optional<Value> part;  // of a cell
};
struct Axis {
  std::string name;
  Value place;
  bool cells = false;
  std::vector<Choice> choices;
};
using Choices = std::vector<const Choice*>;  // one of each axis

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

std::string combination(const Variables& variables) {
  std::string text;
  for (const auto& [axis, value] : variables) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", axis, value);
  }
  return "{" + text + "}";
}

void read_cells(const Value& cells, Axis& axis) {
  axis.cells = true;
  for (const auto& [name, part] : cells.entries()) {
    if (!part.is_map()) {
      part.fail("a cell is a map of what it changes, e.g. {engines: {copy: {inject: raw}}}, or {}");
    }
    for (const auto& [key, value] : part.entries()) {
      if (std::ranges::find(kOfTheFile, key.name()) == kOfTheFile.end()) continue;
      key.fail("belongs to the whole file, a cell cannot set it");
    }
    if (axis.name == "ip") (void)name.choice({"v4", "v6"});
    axis.choices.push_back({name.identifier(), part});
  }
}

void read_values(const Value& values, Axis& axis) {
  std::set<std::string> seen;
  for (const Value& choice : values.items()) {
    if (choice.is_map()) {
      choice.fail(fmt::format("cells have names: write {}: {{NAME: {{...}}, ...}}", axis.name));
    }
    if (axis.name == "ip") (void)choice.choice({"v4", "v6"});
    if (!seen.insert(choice.text()).second) {
      choice.fail(fmt::format("`{}` a second time: two variants would be one", choice.text()));
    }
    axis.choices.push_back({choice.text(), std::nullopt});
  }
}

Axis read_axis(const Value& name, const Value& values,
               const std::vector<std::string>& with_variables) {
  Axis axis{name.identifier(), name, false, {}};
  if (values.is_map()) {
    read_cells(values, axis);
  } else {
    read_values(values, axis);
  }
  if (axis.choices.empty()) values.fail("needs at least one value");
  const auto uses = [&](const std::string& scalar) {
    return scalar.find("${" + axis.name + "}") != std::string::npos;
  };
  if (!axis.cells && axis.name != "ip" && std::ranges::none_of(with_variables, uses)) {
    name.fail(fmt::format("the variable is never used; write `${{{}}}` where it goes", axis.name));
  }
  return axis;
}

const Axis& find_axis(const Value& key, const std::vector<Axis>& axes) {
  const auto found = std::ranges::find(axes, key.name(), &Axis::name);
  if (found != axes.end()) return *found;
  std::vector<std::string> known;
  for (const Axis& axis : axes) known.push_back(axis.name);
  throw ReadError(key.at(),
                  fmt::format("no axis `{}`{}", key.name(), suggestion(key.name(), known)));
}

const Choice* find_choice(const std::string& text, const Axis& axis) {
  const auto found = std::ranges::find(axis.choices, text, &Choice::text);
  return found == axis.choices.end() ? nullptr : &*found;
}

[[noreturn]] void no_such_choice(const Value& value, const Axis& axis) {
  std::vector<std::string> known;
  for (const Choice& choice : axis.choices) known.push_back(choice.text);
  const std::string text = value.text();
  value.fail(fmt::format("`{}` has no `{}`{}", axis.name, text, suggestion(text, known)));
}

// {ip: v6, path: lossy}: what those variants have that it speaks of.
Variables read_combination(const Value& value, const std::vector<Axis>& axes, bool others_too) {
  Variables wanted;
  for (const auto& [key, text] : value.entries()) {
    const Axis& axis = find_axis(key, axes);
    if (axis.name == "ip") (void)text.choice({"v4", "v6"});
    const bool free = others_too && !axis.cells;
    if (!free && find_choice(text.text(), axis) == nullptr) no_such_choice(text, axis);
    wanted[axis.name] = text.text();
  }
  if (wanted.empty()) value.fail("names no axis");
  return wanted;
}

class Builder {
 public:
  Builder(std::vector<Axis> axes, const Value& matrix) : axes_(std::move(axes)) {
    size_t count = 1;
    for (const Axis& axis : axes_) {
      count *= axis.choices.size();
      if (count > kMaxVariants) {
        matrix.fail(fmt::format("spans more than {} variants", kMaxVariants));
      }
    }
    for (size_t i = 0; i < count; ++i) all_.push_back(variant(i, count));
  }

  void exclude(const Value& entry) {
    const Variables unwanted = read_combination(entry, axes_, false);
    const auto hit = [&](const Variant& v) {
      return std::ranges::all_of(
          unwanted, [&](const auto& one) { return v.variables.at(one.first) == one.second; });
    };
    if (std::erase_if(all_, hit) == 0) {
      entry.fail(combination(unwanted) + " takes nothing out: there is no such variant (any more)");
    }
  }

  void include(const Value& entry) {
    const Variables wanted = read_combination(entry, axes_, true);
    Variant added;
    for (const Axis& axis : axes_) {
      const auto found = wanted.find(axis.name);
      if (found == wanted.end()) {
        entry.fail(
            fmt::format("says nothing of `{}`; a variant has a value of every axis", axis.name));
      }
      add(axis, found->second, added);
    }
    added.name = variant_name(added.variables);
    if (std::ranges::find(all_, added.name, &Variant::name) != all_.end()) {
      entry.fail(combination(wanted) + " is there already");
    }
    if (all_.size() >= kMaxVariants) {
      entry.fail(fmt::format("spans more than {} variants", kMaxVariants));
    }
    all_.push_back(std::move(added));
  }

  std::vector<Variant> take(const Value& matrix) {
    if (all_.empty()) matrix.fail("no variant is left");
    std::set<std::string> names;
    for (const Variant& v : all_) {
      if (names.insert(v.name).second) continue;
      matrix.fail(fmt::format("two variants would be called `{}`", v.name));
    }
    for (const Axis& axis : axes_) {
      for (const Choice& choice : axis.choices) {
        const auto has = [&](const Variant& v) { return v.variables.at(axis.name) == choice.text; };
        if (std::ranges::none_of(all_, has)) {
          axis.place.fail(fmt::format("no variant with `{}` is left", choice.text));
        }
      }
    }
    return std::move(all_);
  }

 private:
  static void add(const Axis& axis, const std::string& text, Variant& v) {
    v.variables[axis.name] = text;
    const Choice* choice = find_choice(text, axis);
    if (choice != nullptr && choice->part) v.cells.push_back({axis.name, *choice->part});
  }

  // The last axis turns fastest.
  [[nodiscard]] Variant variant(size_t index, size_t count) const {
    Variant v;
    for (const Axis& axis : axes_) {
      count /= axis.choices.size();
      add(axis, axis.choices[index / count].text, v);
      index %= count;
    }
    v.name = variant_name(v.variables);
    return v;
  }

  const std::vector<Axis> axes_;
  std::vector<Variant> all_;
};

}  // namespace

std::vector<Variant> read_matrix(const YAML::Node& document,
                                 const std::vector<std::string>& with_variables) {
  static const Variables kNone;
  const Value root(document, "", &kNone);
  if (!root.is_map()) root.fail("a scenario is a map (key: value); begin with `schema: 1`");
  for (const auto& [key, matrix] : root.entries()) {
    if (key.name() != "matrix") continue;
    std::vector<Axis> axes;
    for (const auto& [name, values] : matrix.entries()) {
      if (name.name() == "exclude" || name.name() == "include") continue;
      axes.push_back(read_axis(name, values, with_variables));
    }
    if (axes.empty()) matrix.fail("needs at least one axis");
    Builder builder(std::move(axes), matrix);
    for (const auto& [name, entries] : matrix.entries()) {
      if (name.name() != "exclude") continue;
      for (const Value& entry : entries.items()) builder.exclude(entry);
    }
    for (const auto& [name, entries] : matrix.entries()) {
      if (name.name() != "include") continue;
      for (const Value& entry : entries.items()) builder.include(entry);
    }
    return builder.take(matrix);
  }
  return {Variant{}};
}

}  // namespace mirrorlab::scenario
