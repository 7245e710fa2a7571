// Sockets of the built-in service and clients: IPv4 and IPv6, non-blocking.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "os/fd.h"
#include "wire/flow.h"

namespace mirrorlab::traffic {

[[nodiscard]] wire::Endpoint endpoint_of(const sockaddr_storage& address);
// Fills `out`; its length.
socklen_t sockaddr_of(const wire::Endpoint& endpoint, sockaddr_storage& out);
// `address` counted up by `n`.
[[nodiscard]] wire::IpAddress plus(const wire::IpAddress& address, uint64_t n);
// Every address of both families. `window`: receive buffer in bytes, 0 for the kernel's default.
[[nodiscard]] tl::expected<os::Fd, std::string> listen_on_all(uint16_t port, uint64_t window,
                                                              int backlog);
// Ten thousand connections need as many descriptors.
void raise_descriptor_limit();

}  // namespace mirrorlab::traffic
