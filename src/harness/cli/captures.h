// The captures that a scenario plays: looked at before anything is built.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/scenario/error.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// What is wrong with a capture that the scenario names, at its place in the file. Nothing: all of
// them can be played, and clients and services play the same ones.
[[nodiscard]] std::optional<scenario::Error> wrong_capture(const scenario::Scenario& scenario);

// The variants of a scenario file, with captures that can be played.
[[nodiscard]] tl::expected<std::vector<scenario::Scenario>, scenario::Error> read_playable(
    const std::string& file);

}  // namespace mirrorlab::cli
