// Whether a TCP socket listens, from the kernel's own table: asking by a connection would be
// traffic.
#pragma once

#include <cstdint>

namespace mirrorlab::net {

// In the current network namespace, on any address of either family.
[[nodiscard]] bool is_listening(uint16_t port);

}  // namespace mirrorlab::net
