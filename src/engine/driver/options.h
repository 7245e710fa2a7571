// mirror-copy's command line.
#pragma once

#include "engine/driver/copy_engine.h"

namespace mirrorlab::engine {

// The options, or the exit code (0 after --help and --version, 2 for a usage error): what there is
// to say has been printed then.
[[nodiscard]] tl::expected<CopyOptions, int> parse_copy_options(int argc, const char* const* argv);

}  // namespace mirrorlab::engine
