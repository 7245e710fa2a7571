// One intercept per network namespace, method and number: a second start finds the first, and one
// that follows a dead one does not.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "os/fd.h"

namespace mirrorlab::intercept {

// Held while the result lives. `name`: e.g. "ebpf-36".
[[nodiscard]] tl::expected<os::Fd, std::string> lock_instance(const std::string& name);

}  // namespace mirrorlab::intercept
