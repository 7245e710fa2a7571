// Where this program and what belongs to it are, in a build tree and in an installed one.
#pragma once

#include <string>

namespace mirrorlab::cli {

// The directory of mirrorlab itself; the engines are beside it.
[[nodiscard]] std::string own_directory();
// `scenarios` of the current directory, else the installed ones (PREFIX/share/mirrorlab/scenarios).
[[nodiscard]] std::string scenario_directory();

}  // namespace mirrorlab::cli
