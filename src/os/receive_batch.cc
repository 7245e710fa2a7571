#include "os/receive_batch.h"

namespace mirrorlab::os {

ReceiveBatch::ReceiveBatch()
    : buffers_(kMessages * kBufferBytes),
      messages_(std::make_unique<std::array<mmsghdr, kMessages>>()),
      vectors_(std::make_unique<std::array<iovec, kMessages>>()),
      names_(std::make_unique<std::array<sockaddr_storage, kMessages>>()),
      controls_(std::make_unique<std::array<Control, kMessages>>()) {}

int ReceiveBatch::receive(int fd) {
  for (size_t i = 0; i < kMessages; ++i) {
    (*vectors_)[i] = {&buffers_[i * kBufferBytes], kBufferBytes};
    auto& m = (*messages_)[i].msg_hdr;
    m.msg_iov = &(*vectors_)[i];
    m.msg_iovlen = 1;
    m.msg_name = &(*names_)[i];
    m.msg_namelen = sizeof(sockaddr_storage);
    m.msg_control = (*controls_)[i].data();
    m.msg_controllen = kControlBytes;
    m.msg_flags = 0;
  }
  return ::recvmmsg(fd, messages_->data(), kMessages, MSG_DONTWAIT, nullptr);
}

}  // namespace mirrorlab::os
