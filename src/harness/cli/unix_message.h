// One message over a unix socket with descriptors beside it: how a laboratory and those who enter
// it talk.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"

namespace mirrorlab::cli {

inline constexpr size_t kMaxMessage = 4096;
inline constexpr size_t kMaxDescriptors = 8;

struct UnixMessage {
  std::string text;
  std::vector<os::Fd> descriptors;
};

// Sockets are SOCK_SEQPACKET: a message is whole or not there. Errors are text.
[[nodiscard]] tl::expected<void, std::string> send_message(int socket, const std::string& text,
                                                           const std::vector<int>& descriptors);
// An empty text: the peer has gone.
[[nodiscard]] tl::expected<UnixMessage, std::string> receive_message(int socket);
// The peer's user, as seen from here; -1 when the kernel does not say.
[[nodiscard]] uid_t user_of_peer(int socket);

}  // namespace mirrorlab::cli
