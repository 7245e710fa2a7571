// Reads a scenario file: strict, whole, one error at most.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "harness/scenario/error.h"
#include "harness/scenario/model.h"

namespace mirrorlab::scenario {

// The variants that a file's matrix spans, in the file's order; one when it has no matrix.
[[nodiscard]] tl::expected<std::vector<Scenario>, Error> read_scenario_file(
    const std::string& path);
// The same from text; `path` is for messages and for Scenario::path.
[[nodiscard]] tl::expected<std::vector<Scenario>, Error> read_scenario_text(
    std::string_view text, const std::string& path);

}  // namespace mirrorlab::scenario
