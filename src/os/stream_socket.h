// Non-blocking TCP sockets for the header return: listen, connect, and the text of what went wrong.
#pragma once

#include <sys/socket.h>

#include <string>
#include <tl/expected.hpp>

#include "os/clock.h"
#include "os/fd.h"
#include "wire/flow.h"

namespace mirrorlab::os {

// Returns the length used.
socklen_t fill_address(const wire::Endpoint& endpoint, sockaddr_storage& storage);

[[nodiscard]] tl::expected<Fd, std::string> listen_on(const wire::Endpoint& endpoint);
// A connection under way: writable when it is decided, connect_error() says how.
[[nodiscard]] tl::expected<Fd, std::string> start_connect(const wire::Endpoint& endpoint);
[[nodiscard]] wire::Endpoint local_endpoint(int fd);
[[nodiscard]] int connect_error(int fd);
// No Nagle; a peer that is silent for ten seconds although data waits for it is gone.
void tune_stream(int fd);
// Of the connection's packets, as its kernel has measured it; 0: not yet.
[[nodiscard]] Nanos round_trip(int fd);

}  // namespace mirrorlab::os
