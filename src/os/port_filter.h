// The classic BPF program that keeps everything but the mirrored ports away from a capture.
//
// Works on packets that begin at the IP header (SOCK_DGRAM packet sockets). Accepted: TCP to one of
// `ports`; also what cannot be decided here and is counted or parsed later: TCP fragments behind
// the first, and IPv6 packets with extension headers.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mirrorlab::os {

inline constexpr size_t kMaxFilterPorts = 200;

[[nodiscard]] std::vector<sock_filter> port_filter(const std::vector<uint16_t>& ports);

}  // namespace mirrorlab::os
