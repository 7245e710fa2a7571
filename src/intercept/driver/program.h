// mirror-intercept as a program: reply sources, server, signals, the exit code.
#pragma once

#include <functional>
#include <memory>

#include "intercept/driver/interception.h"

namespace mirrorlab::intercept {

// What it is put together from; intercept_parts() gives the real one, others wrap it.
struct InterceptParts {
  OpenQueue source;
};
[[nodiscard]] InterceptParts intercept_parts();

// Does what the options ask. 0: done, or ended as asked; 2: the key file is not usable; 3: the
// system refuses something it needs, or --check found something that would break mirroring.
[[nodiscard]] int run_intercept(const InterceptOptions& options, const InterceptParts& parts);

}  // namespace mirrorlab::intercept
