// What a scenario names and what it builds, looked at before anything runs: what no reader of its
// text alone can say.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/scenario/error.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// Which node cannot reach another that it must talk to, at the place of what needs the path.
[[nodiscard]] std::optional<scenario::Error> wrong_topology(const scenario::Scenario& scenario);

// The variants of a scenario file, with topologies that can be built and captures that can be
// played.
[[nodiscard]] tl::expected<std::vector<scenario::Scenario>, scenario::Error> read_playable(
    const std::string& file);

}  // namespace mirrorlab::cli
