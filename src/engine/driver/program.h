// mirror-copy as a program: signals, the loop, what is said on stderr, the exit code.
#pragma once

#include "engine/driver/copy_engine.h"

namespace mirrorlab::engine {

// Runs until SIGTERM or SIGINT. 0: ended as asked; 2: the key file is not usable; 3: the system
// refuses something it needs, or the account does not balance.
[[nodiscard]] int run_copy(const CopyOptions& options, CopyParts parts);

}  // namespace mirrorlab::engine
