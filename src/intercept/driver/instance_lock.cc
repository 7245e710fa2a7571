#include "intercept/driver/instance_lock.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "os/error.h"

namespace mirrorlab::intercept {

tl::expected<os::Fd, std::string> lock_instance(const std::string& name) {
  os::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return os::failure("cannot open a socket");
  // An abstract name belongs to the network namespace, and ends with the process.
  const std::string path = "mirror-intercept-" + name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(&address.sun_path[1], path.data(),
              std::min(path.size(), sizeof address.sun_path - 2));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + path.size());
  // Of one that was killed as it started a program (tc, iptables), the name is free once that has
  // begun: the kernel tells nobody when.
  constexpr int kTries = 50, kBetweenMs = 10;
  int tries = 0;
  while (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0) {
    if (errno == EADDRINUSE && ++tries < kTries) {
      ::poll(nullptr, 0, kBetweenMs);
      continue;
    }
    return os::failure("cannot hold the name " + path, errno,
                       "is another mirror-intercept running here? End it, or choose another "
                       "--queue-num");
  }
  return fd;
}

}  // namespace mirrorlab::intercept
