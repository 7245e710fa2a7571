// The process's own memory, as the kernel counts it.
#pragma once

#include <cstdint>

namespace mirrorlab::os {

// The most resident bytes since exec. Why not getrusage(): its figure outlives exec, so a child
// would show what its parent had at the fork.
[[nodiscard]] int64_t peak_rss_bytes();

}  // namespace mirrorlab::os
