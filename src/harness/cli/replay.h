// The command lines of `run --replay` and `shrink`: which scenario they mean.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "harness/cli/fault_file.h"
#include "harness/cli/select.h"
#include "harness/cli/shrink.h"

namespace mirrorlab::cli {

// The list at `place`. A selection that names no scenario gets that of the list, with its variant;
// one without a seed gets the list's.
[[nodiscard]] tl::expected<FaultList, std::string> read_replay(const std::string& place,
                                                               Selection& selection);

// `place`: a run that failed, or a scenario file. The exit code.
int shrink_command(const std::string& place, Selection selection, ShrinkOptions options);

}  // namespace mirrorlab::cli
