#include "bench/intercept/bare_queue.h"

// Why first and apart: <linux/netfilter.h> redefines what <netinet/in.h> declares unless it sees
// it.
// clang-format off
#include <netinet/in.h>
// clang-format on

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace mirrorlab::bench {

namespace {
// Where the packet's number is: the first attribute, behind the two headers.
constexpr size_t kPacketId = NLMSG_HDRLEN + 4 + NLA_HDRLEN;
}  // namespace

tl::expected<void, std::string> BareQueue::read(const Take& take) {
  for (int round = 0; round < 8; ++round) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> vectors;
    for (size_t i = 0; i < kBatch; ++i) {
      vectors[i] = {&buffers_[i * kBufferBytes], kBufferBytes};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int n = ::recvmmsg(fd_, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (n <= 0) return {};
    for (int i = 0; i < n; ++i) take({}, 0);
    uint32_t id = 0;
    std::memcpy(&id, &buffers_[static_cast<size_t>(n - 1) * kBufferBytes + kPacketId], sizeof id);
    std::array<char, 512> buffer;
    nlmsghdr* message = nfq_nlmsg_put(buffer.data(), NFQNL_MSG_VERDICT_BATCH, number_);
    nfq_nlmsg_verdict_put(message, static_cast<int>(ntohl(id)), NF_DROP);
    static_cast<void>(::send(fd_, message, message->nlmsg_len, 0));
    if (n < static_cast<int>(kBatch)) return {};
  }
  return {};
}

}  // namespace mirrorlab::bench
