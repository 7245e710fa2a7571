// The classic BPF program of a tap: how much of each packet the kernel keeps for it. Cut in the
// kernel, because what is not kept is not copied either.
//
// Works on packets that begin at the IP header. Left out: what is no IP, and loopback devices. Kept
// whole: TCP that comes in to one of `whole_ports`, and IPv6 with extension headers. Of all else
// `kept` bytes.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mirrorlab::verify {

inline constexpr size_t kMaxWholePorts = 100;  // beyond that, everything is kept whole

[[nodiscard]] std::vector<sock_filter> tap_filter(const std::vector<uint16_t>& whole_ports,
                                                  uint32_t kept);

}  // namespace mirrorlab::verify
