// A pair of programs that can take the engines' roles in any scenario: how each is started, known
// to be ready and ended. With it one scenario judges several pairs.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/scenario/error.h"
#include "harness/scenario/model.h"

namespace mirrorlab::scenario {

struct EnginesFile {
  struct Player {
    Engine engine;     // command, options, ready, stop_signal; nothing else
    std::string role;  // runs on a node with this role, where the scenario has one; may be empty
  };
  std::string name;
  std::vector<std::string> require;
  Player copy, intercept;
};

[[nodiscard]] tl::expected<EnginesFile, Error> read_engines_file(const std::string& path);
[[nodiscard]] tl::expected<EnginesFile, Error> read_engines_text(std::string_view text,
                                                                 const std::string& path);

// The same scenario with its engines played by these programs.
[[nodiscard]] Scenario played_by(Scenario scenario, const EnginesFile& engines);

}  // namespace mirrorlab::scenario
