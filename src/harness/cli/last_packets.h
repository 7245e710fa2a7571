// The last packets of a tap in words, for runs that failed.
#pragma once

#include <string>
#include <vector>

#include "harness/verify/packet_log.h"

namespace mirrorlab::cli {

[[nodiscard]] std::string last_packets(const std::string& where, const verify::PacketLog& log,
                                       size_t count = 8);

}  // namespace mirrorlab::cli
