#include "intercept/driver/reply_queue.h"

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

#include "os/error.h"

namespace mirrorlab::intercept {

namespace {
constexpr uint32_t kCopyRange = 120;  // IPv6 + TCP + all options, of a 60-byte IPv4 header as well
constexpr size_t kBatch = 64;
constexpr int kBatchesPerTurn = 8;  // then header records are written
constexpr size_t kBufferBytes = 4096;
constexpr int kSocketBuffer = 64 << 20;

// Sends one configuration message and waits for the kernel's answer.
tl::expected<void, std::string> configure(int fd, nlmsghdr* message, const char* what) {
  message->nlmsg_flags = static_cast<uint16_t>(message->nlmsg_flags | NLM_F_ACK);
  message->nlmsg_seq = 1;
  if (::send(fd, message, message->nlmsg_len, 0) < 0) return os::failure(what);
  std::array<uint8_t, 4096> answer;
  for (;;) {
    const auto n = ::recv(fd, answer.data(), answer.size(), 0);
    if (n < 0) return os::failure(what);
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (header->nlmsg_type != NLMSG_ERROR) continue;
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
    if (error->error == 0) return {};
    return os::failure(what, -error->error,
                       "the queue may be taken by another program (--queue-num), or the kernel "
                       "lacks NFQUEUE (nfnetlink_queue), or CAP_NET_ADMIN is missing");
  }
}
}  // namespace

tl::expected<ReplyQueue, std::string> ReplyQueue::open(uint16_t number, uint32_t length) {
  ReplyQueue q;
  q.number_ = number;
  q.fd_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!q.fd_) return os::failure("cannot open a netfilter netlink socket");
  const int one = 1;
  ::setsockopt(q.fd_.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one);
  if (::setsockopt(q.fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBuffer, sizeof kSocketBuffer) <
      0) {
    ::setsockopt(q.fd_.get(), SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  }
  std::array<char, 4096> buffer;
  nlmsghdr* m = nfq_nlmsg_put(buffer.data(), NFQNL_MSG_CONFIG, number);
  nfq_nlmsg_cfg_put_cmd(m, AF_INET, NFQNL_CFG_CMD_BIND);
  const std::string name = "cannot bind to queue " + std::to_string(number);
  if (auto done = configure(q.fd_.get(), m, name.c_str()); !done)
    return tl::unexpected(done.error());
  m = nfq_nlmsg_put(buffer.data(), NFQNL_MSG_CONFIG, number);
  nfq_nlmsg_cfg_put_params(m, NFQNL_COPY_PACKET, kCopyRange);
  nfq_nlmsg_cfg_put_qmaxlen(m, length);
  // Why: without it the kernel cuts every super-packet before queueing, 40 records in place of one.
  mnl_attr_put_u32(m, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
  mnl_attr_put_u32(m, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
  if (auto done = configure(q.fd_.get(), m, "cannot configure the queue"); !done) {
    return tl::unexpected(done.error());
  }
  q.buffers_.resize(kBatch * kBufferBytes);
  return q;
}

tl::expected<int, std::string> ReplyQueue::read_batch(const Take& take) {
  std::array<mmsghdr, kBatch> messages;
  std::array<iovec, kBatch> vectors;
  for (size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {&buffers_[i * kBufferBytes], kBufferBytes};
    messages[i] = mmsghdr{};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int n = ::recvmmsg(fd_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (n < 0) {
    if (errno == ENOBUFS) ++counters_.receive_errors;
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return 0;
    return os::failure("cannot read the reply queue");
  }
  uint32_t last_id = 0;
  bool any = false;
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    const auto* header = static_cast<const nlmsghdr*>(vectors[i].iov_base);
    int left = static_cast<int>(messages[i].msg_len);
    for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
      std::array<nlattr*, NFQA_MAX + 1> attributes{};
      if (header->nlmsg_type == NLMSG_ERROR) {
        ++counters_.verdict_errors;
        continue;
      }
      if (nfq_nlmsg_parse(header, attributes.data()) < 0 ||
          attributes[NFQA_PACKET_HDR] == nullptr) {
        ++counters_.malformed;
        continue;
      }
      const auto* packet = static_cast<const nfqnl_msg_packet_hdr*>(
          mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]));
      last_id = ntohl(packet->packet_id);
      any = true;
      ++counters_.packets;
      if (attributes[NFQA_PAYLOAD] == nullptr) {
        ++counters_.malformed;
        continue;
      }
      const size_t kept = mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]);
      // Present when the copy range cut the packet.
      const nlattr* whole = attributes[NFQA_CAP_LEN];
      take({static_cast<const uint8_t*>(mnl_attr_get_payload(attributes[NFQA_PAYLOAD])), kept},
           whole != nullptr ? ntohl(mnl_attr_get_u32(whole)) : kept);
    }
  }
  if (any) drop_up_to(last_id);
  return n;
}

tl::expected<void, std::string> ReplyQueue::read(const Take& take) {
  for (int round = 0; round < kBatchesPerTurn; ++round) {
    const auto n = read_batch(take);
    if (!n) return tl::unexpected(n.error());
    if (*n < static_cast<int>(kBatch)) break;
  }
  return {};
}

void ReplyQueue::drop_up_to(uint32_t packet_id) {
  ++counters_.batches;
  send_verdict(NFQNL_MSG_VERDICT_BATCH, packet_id, NF_DROP);
}

void ReplyQueue::send_verdict(int message_type, uint32_t packet_id, uint32_t verdict) {
  std::array<char, 512> buffer;
  nlmsghdr* message = nfq_nlmsg_put(buffer.data(), message_type, number_);
  nfq_nlmsg_verdict_put(message, static_cast<int>(packet_id), static_cast<int>(verdict));
  // A verdict that could not be given is covered by the next batch's, which drops all before it.
  if (::send(fd_.get(), message, message->nlmsg_len, 0) < 0) ++counters_.verdict_errors;
}

}  // namespace mirrorlab::intercept
