// Many datagrams by one system call, with their control messages.
//
// Buffers hold the largest super-packet. Threads: one.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <vector>

#include "wire/bytes.h"

namespace mirrorlab::os {

class ReceiveBatch {
 public:
  static constexpr size_t kMessages = 64;
  static constexpr size_t kBufferBytes = 66 * 1024;
  static constexpr size_t kControlBytes = 128;

  ReceiveBatch();
  // How many came; -1 and errno when none could be read.
  int receive(int fd);
  [[nodiscard]] wire::Bytes bytes(size_t i) const {
    return {&buffers_[i * kBufferBytes], (*messages_)[i].msg_len};
  }
  [[nodiscard]] const msghdr& header(size_t i) const { return (*messages_)[i].msg_hdr; }
  [[nodiscard]] bool cut(size_t i) const { return (header(i).msg_flags & MSG_TRUNC) != 0; }
  // The sender's address, of the family's type.
  template <typename Address>
  [[nodiscard]] const Address& from(size_t i) const {
    return *reinterpret_cast<const Address*>(&(*names_)[i]);
  }
  // The control message of a kind, or null.
  template <typename Value>
  [[nodiscard]] const Value* control(size_t i, int level, int type) const {
    msghdr message = header(i);
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level == level && c->cmsg_type == type) {
        return reinterpret_cast<const Value*>(CMSG_DATA(c));
      }
    }
    return nullptr;
  }

 private:
  using Control = std::array<uint8_t, kControlBytes>;
  std::vector<uint8_t> buffers_;
  // Why on the heap: the kernel's headers point into one another, and a source may be moved.
  std::unique_ptr<std::array<mmsghdr, kMessages>> messages_;
  std::unique_ptr<std::array<iovec, kMessages>> vectors_;
  std::unique_ptr<std::array<sockaddr_storage, kMessages>> names_;
  std::unique_ptr<std::array<Control, kMessages>> controls_;
};

}  // namespace mirrorlab::os
