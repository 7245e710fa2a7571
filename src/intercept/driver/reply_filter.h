// The classic BPF program that tells a mirrored service's replies from all else: TCP, IPv4 or IPv6,
// from one of these ports, not to one of these networks. For tc (cls_bpf) and packet sockets; an
// ordinary user in a network namespace of his own may load it.
//
// A TCP fragment behind the first has no port: it is taken for a reply, so that none leaks.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

namespace mirrorlab::intercept {

enum class FilterUse : uint8_t {
  tc,      // the packet begins at the link header; a match gives the filter's own class
  socket,  // the packet begins at the IP header (SOCK_DGRAM); a match keeps kReplySnap bytes
};
inline constexpr uint32_t kReplySnap = 120;  // IPv6 + TCP + all options, of a 60-byte IPv4 header
inline constexpr size_t kMaxClassicInstructions = 4096;

// `passed`: ADDR or ADDR/LEN.
[[nodiscard]] std::vector<sock_filter> reply_filter(FilterUse use,
                                                    const std::vector<uint16_t>& ports,
                                                    const std::vector<std::string>& passed);
// As `tc ... bpf bytecode TEXT` takes it.
[[nodiscard]] std::string bytecode_text(const std::vector<sock_filter>& program);

}  // namespace mirrorlab::intercept
