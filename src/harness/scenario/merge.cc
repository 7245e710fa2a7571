// How a cell of a matrix is merged into a scenario.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "harness/scenario/matrix.h"

namespace mirrorlab::scenario {
namespace {

constexpr std::array<std::string_view, 6> kAdded{"requires", "labels",     "timeline",
                                                 "always",   "eventually", "expect"};

// What an item of a list is called: a link by its two nodes, others by their id.
std::string name_of(const YAML::Node& item, const std::string& key) {
  if (!item.IsMap()) return {};
  for (const auto& field : item) {
    if (!field.first.IsScalar()) continue;
    if (key != "links" && field.first.Scalar() == "id" && field.second.IsScalar()) {
      return field.second.Scalar();
    }
    if (key != "links" || field.first.Scalar() != "between" || !field.second.IsSequence()) continue;
    std::vector<std::string> ends;
    for (const YAML::Node& end : field.second) ends.push_back(end.IsScalar() ? end.Scalar() : "");
    std::ranges::sort(ends);
    return fmt::format("{}", fmt::join(ends, "-"));
  }
  return {};
}

class Merge {
 public:
  void axis(const std::string& name) { axis_ = name; }

  YAML::Node map(const YAML::Node& base, const YAML::Node& part, const std::string& path) {
    YAML::Node all(YAML::NodeType::Map);
    for (const auto& field : base) {
      const auto changed = find(part, field.first);
      all.force_insert(field.first, changed.IsDefined()
                                        ? value(field.second, changed, below(path, field.first))
                                        : field.second);
    }
    for (const auto& field : part) {
      if (find(base, field.first).IsDefined()) continue;
      claim(field.second, below(path, field.first));
      all.force_insert(field.first, field.second);
    }
    return all;
  }

 private:
  static YAML::Node find(const YAML::Node& map, const YAML::Node& key) {
    for (const auto& field : map) {
      if (field.first.IsScalar() && key.IsScalar() && field.first.Scalar() == key.Scalar()) {
        return field.second;
      }
    }
    return YAML::Node(YAML::NodeType::Undefined);
  }

  static std::string below(const std::string& path, const YAML::Node& key) {
    return path + (path.empty() ? "" : ".") + (key.IsScalar() ? key.Scalar() : "?");
  }

  YAML::Node value(const YAML::Node& base, const YAML::Node& part, const std::string& path) {
    const bool top = path.find('.') == std::string::npos;
    const std::string key = path.substr(top ? 0 : path.rfind('.') + 1);
    if (base.IsMap() && part.IsMap()) return map(base, part, path);
    if (base.IsSequence() && part.IsSequence()) {
      if (top && std::ranges::find(kAdded, key) != kAdded.end()) return added(base, part);
      if (top && (key == "links" || key == "traffic")) return named(base, part, path, key);
      if (path.starts_with("nodes.") && key == "run") return named(base, part, path, key);
    }
    claim(part, path);
    return part;
  }

  static YAML::Node added(const YAML::Node& base, const YAML::Node& part) {
    YAML::Node all(YAML::NodeType::Sequence);
    for (const YAML::Node& item : base) all.push_back(item);
    for (const YAML::Node& item : part) all.push_back(item);
    return all;
  }

  YAML::Node named(const YAML::Node& base, const YAML::Node& part, const std::string& path,
                   const std::string& key) {
    YAML::Node all(YAML::NodeType::Sequence);
    std::vector<bool> used(part.size());
    for (const YAML::Node& item : base) {
      YAML::Node merged = item;
      const std::string name = name_of(item, key);
      size_t index = 0;
      for (const YAML::Node& change : part) {
        if (!used[index] && !name.empty() && name_of(change, key) == name) {
          used[index] = true;
          // A link may be named from its other end; its own names stand.
          merged.reset(map(merged, key == "links" ? without_ends(change, item) : change,
                           fmt::format("{}[{}]", path, name)));
        }
        ++index;
      }
      all.push_back(merged);
    }
    size_t index = 0;
    for (const YAML::Node& item : part) {
      if (!used[index++]) all.push_back(item);
    }
    return all;
  }

  // Throws when `there` and `back` would be those of a link that is named the other way round.
  static YAML::Node without_ends(const YAML::Node& change, const YAML::Node& link) {
    YAML::Node all(YAML::NodeType::Map);
    const auto first = [&](const YAML::Node& l) {
      for (const auto& field : l) {
        if (field.first.Scalar() == "between") return (*field.second.begin()).Scalar();
      }
      return std::string();
    };
    const bool turned = first(change) != first(link);
    for (const auto& field : change) {
      const std::string key = field.first.IsScalar() ? field.first.Scalar() : "";
      if (key == "between") continue;
      if (turned && (key == "there" || key == "back")) {
        const YAML::Mark mark = field.first.Mark();
        throw ReadError({mark.line + 1, mark.column + 1},
                        "name the link's nodes in the order of the scenario: `there` is from the "
                        "first to the second");
      }
      all.force_insert(field.first, field.second);
    }
    return all;
  }

  // The place is set by this axis and by no other, nor anything within it.
  void claim(const YAML::Node& part, const std::string& path) {
    for (const auto& [taken, axis] : claims_) {
      const bool within = taken == path || taken.starts_with(path + ".") ||
                          taken.starts_with(path + "[") || path.starts_with(taken + ".") ||
                          path.starts_with(taken + "[");
      if (axis == axis_ || !within) continue;
      const YAML::Mark mark = part.Mark();
      throw ReadError({mark.line + 1, mark.column + 1},
                      fmt::format("the axes `{}` and `{}` both set {}", axis, axis_, path));
    }
    claims_[path] = axis_;
  }

  std::string axis_;
  std::map<std::string, std::string> claims_;  // place -> axis
};

}  // namespace

YAML::Node with_cells(const YAML::Node& document, const Variant& variant) {
  YAML::Node all = document;
  Merge merge;
  for (const Cell& cell : variant.cells) {
    merge.axis(cell.axis);
    // Why reset: assigning to a YAML::Node changes what it was read from.
    all.reset(merge.map(all, cell.part.node(), ""));
  }
  return all;
}

}  // namespace mirrorlab::scenario
