#include "os/socket_buffer.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <climits>

namespace mirrorlab::os {

namespace {
void ask(int fd, size_t bytes, int force, int plain) {
  const auto wanted = static_cast<int>(std::min<size_t>(bytes, INT_MAX / 2));
  if (::setsockopt(fd, SOL_SOCKET, force, &wanted, sizeof wanted) < 0) {
    ::setsockopt(fd, SOL_SOCKET, plain, &wanted, sizeof wanted);
  }
}
}  // namespace

uint64_t enlarge_receive_buffer(int fd, size_t bytes) {
  ask(fd, bytes, SO_RCVBUFFORCE, SO_RCVBUF);
  int granted = 0;
  socklen_t length = sizeof granted;
  ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length);
  return static_cast<uint64_t>(granted) / 2;  // the kernel doubles it for its own overhead
}

void enlarge_send_buffer(int fd, size_t bytes) { ask(fd, bytes, SO_SNDBUFFORCE, SO_SNDBUF); }

uint64_t receive_drops(int fd) {
  std::array<uint32_t, SK_MEMINFO_VARS> figures{};
  socklen_t length = sizeof figures;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, figures.data(), &length) < 0) return 0;
  return figures[SK_MEMINFO_DROPS];
}

}  // namespace mirrorlab::os
