// The classic BPF program that keeps everything but the mirrored ports away from a capture.
//
// Works on packets that begin at the IP header (SOCK_DGRAM packet sockets). Accepted: TCP to one of
// `ports`; also what cannot be decided here and is counted or parsed later: TCP fragments behind
// the first, and IPv6 packets with extension headers.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::os {

inline constexpr size_t kMaxFilterPorts = 200;

[[nodiscard]] std::vector<sock_filter> port_filter(const std::vector<uint16_t>& ports);

// The two halves of port_filter(): packets whose ports are at their usual place, and the strays.
[[nodiscard]] std::vector<sock_filter> plain_port_filter(const std::vector<uint16_t>& ports);
[[nodiscard]] std::vector<sock_filter> stray_filter();
// Takes nothing.
[[nodiscard]] std::vector<sock_filter> closed_filter();

// For raw sockets: what is refused comes cut to kRefusedBytes, because a raw socket's count of
// drops holds what its filter threw away, too.
inline constexpr size_t kRefusedBytes = 1;
[[nodiscard]] std::vector<sock_filter> cutting_port_filter(const std::vector<uint16_t>& ports);
// The same for packets that begin at the TCP header (IPv6 raw sockets).
[[nodiscard]] std::vector<sock_filter> cutting_segment_filter(const std::vector<uint16_t>& ports);

tl::expected<void, std::string> attach_filter(int fd, const std::vector<sock_filter>& filter);

}  // namespace mirrorlab::os
