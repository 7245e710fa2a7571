// The variants of a scenario: every combination of the axes under `matrix:`, less `exclude:`, plus
// `include:`.
//
// An axis is a list of values, which ${axis} stands for, or a map of named cells: parts of a
// scenario that are merged into it. Internal to the reader: throws ReadError.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "harness/scenario/yaml_value.h"

namespace mirrorlab::scenario {

// A cell that a variant is made with.
struct Cell {
  std::string axis;
  Value part;  // of a scenario
};

struct Variant {
  std::string name;  // "ip=v4,path=lossy"; empty without a matrix
  Variables variables;
  std::vector<Cell> cells;
};

// At most 1024. `with_variables` are all scalars of the document that hold a ${...}; variants point
// into the document.
[[nodiscard]] std::vector<Variant> read_matrix(const YAML::Node& document,
                                               const std::vector<std::string>& with_variables);

// The document with the cells merged into it: maps key by key; links by their nodes, traffic and
// services by their id; conditions, faults, labels and requirements are added; anything else is
// replaced. Two axes may not set the same place.
[[nodiscard]] YAML::Node with_cells(const YAML::Node& document, const Variant& variant);

}  // namespace mirrorlab::scenario
