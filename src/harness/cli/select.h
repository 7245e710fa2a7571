// Which scenarios a command line names: files, directories (searched for *.yaml, by name), a
// variant, a pattern.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/scenario/model.h"

namespace mirrorlab::cli {

struct Selection {
  std::vector<std::string> places;  // files and directories
  std::string filter;               // regular expression over "NAME" or "NAME [VARIANT]"
  std::string variant;              // exactly this one; empty: all
  std::optional<uint64_t> seed;     // in place of the scenarios' own
};

// The *.yaml files of files and directories, each once, in the order they were named.
[[nodiscard]] tl::expected<std::vector<std::string>, std::string> scenario_files(
    const std::vector<std::string>& places);

// All variants that are selected; the error is a whole message. Two scenarios of the same name
// would write into the same directory: an error.
[[nodiscard]] tl::expected<std::vector<scenario::Scenario>, std::string> select(
    const Selection& selection);

}  // namespace mirrorlab::cli
