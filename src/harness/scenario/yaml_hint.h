// What a YAML parser's own words leave unsaid: the place where the mistake was made, and its mend.
// A guess from the text, for messages only. Internal to the reader.
#pragma once

#include <string>
#include <string_view>

#include "harness/scenario/error.h"

namespace mirrorlab::scenario {

struct YamlMistake {
  Location at;
  std::string message;
};

// `message` is the parser's, of `at`.
[[nodiscard]] YamlMistake explain_yaml(std::string_view text, Location at,
                                       const std::string& message);

}  // namespace mirrorlab::scenario
