// TCP connections of this host's services that could still send a packet to a client, from
// /proc/net/tcp and tcp6.
#pragma once

#include <cstdint>
#include <istream>
#include <vector>

namespace mirrorlab::intercept {

// Connections in one table whose local port is one of `ports`; not listening, not in TIME-WAIT
// (which sends nothing of itself), not from loopback.
[[nodiscard]] size_t count_live_connections(std::istream& table,
                                            const std::vector<uint16_t>& ports);
[[nodiscard]] size_t count_live_connections(const std::vector<uint16_t>& ports);

}  // namespace mirrorlab::intercept
