#include "harness/cli/unix_message.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

#include "os/error.h"

namespace mirrorlab::cli {

namespace {
struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> bytes{};
};
}  // namespace

tl::expected<void, std::string> send_message(int socket, const std::string& text,
                                             const std::vector<int>& descriptors) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t bytes = descriptors.size() * sizeof(int);
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), descriptors.data(), bytes);
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return os::failure("cannot send a message");
  return {};
}

tl::expected<UnixMessage, std::string> receive_message(int socket) {
  UnixMessage got;
  got.text.resize(kMaxMessage);
  iovec part{got.text.data(), got.text.size()};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (n < 0) return os::failure("cannot receive a message");
  got.text.resize(static_cast<size_t>(n));
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::vector<int> numbers(count);
    std::memcpy(numbers.data(), CMSG_DATA(h), count * sizeof(int));
    for (const int fd : numbers) got.descriptors.emplace_back(fd);
  }
  return got;
}

uid_t user_of_peer(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid
                                                                          : static_cast<uid_t>(-1);
}

}  // namespace mirrorlab::cli
