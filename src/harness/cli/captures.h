// The captures that a scenario plays: looked at before anything is built.
#pragma once

#include <optional>
#include <string>

#include "harness/scenario/error.h"
#include "harness/scenario/model.h"

namespace mirrorlab::cli {

// What is wrong with a capture that the scenario names, at its place in the file. Nothing: all of
// them can be played, and clients and services play the same ones.
[[nodiscard]] std::optional<scenario::Error> wrong_capture(const scenario::Scenario& scenario);

}  // namespace mirrorlab::cli
