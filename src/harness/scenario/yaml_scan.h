// A first pass over a scenario's YAML, before anything is built from it.
//
// yaml-cpp's own LoadAll does not end on some malformed texts, and aliases let a small file stand
// for a huge one; neither gets past this.
#pragma once

#include <string>
#include <vector>

namespace mirrorlab::scenario {

// Throws ReadError unless `text` holds exactly one document, without aliases and not too deep, and
// YAML::ParserException where it is no YAML. Returns every scalar that holds a ${variable}.
[[nodiscard]] std::vector<std::string> scan_yaml(const std::string& text);

}  // namespace mirrorlab::scenario
