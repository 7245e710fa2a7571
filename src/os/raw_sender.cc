#include "os/raw_sender.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

#include "os/error.h"

namespace mirrorlab::os {

tl::expected<RawSender, std::string> RawSender::open() {
  RawSender s;
  const int one = 1;
  const int buffer = 16 << 20;
  s.v4_.reset(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  if (!s.v4_) return failure("cannot open a raw socket", errno, "run as root or with CAP_NET_RAW");
  ::setsockopt(s.v4_.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  // IPv6 may be off on this host; then only IPv4 is mirrored.
  s.v6_.reset(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  if (s.v6_) {
    ::setsockopt(s.v6_.get(), IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof one);
    ::setsockopt(s.v6_.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  }
  s.buffers_.resize(kBatch * kBufferBytes);
  s.lengths_.resize(kBatch);
  s.to_.resize(kBatch);
  return s;
}

void RawSender::send(const wire::TcpHeader& h, wire::Bytes payload) {
  if (wire::kMaxHeaderBytes + payload.size() > kBufferBytes) {
    ++counters_.errors["EMSGSIZE"];
    return;
  }
  if (queued_ == kBatch) flush();
  lengths_[queued_] = static_cast<uint32_t>(
      wire::write_packet(h, payload, &buffers_[queued_ * kBufferBytes], next_id_++));
  sockaddr_in6& to = to_[queued_];
  to = sockaddr_in6{};
  if (h.dst.address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to);
    v4->sin_family = AF_INET;
    std::memcpy(&v4->sin_addr, h.dst.address.bytes().data(), 4);
  } else {
    to.sin6_family = AF_INET6;
    std::memcpy(&to.sin6_addr, h.dst.address.bytes().data(), 16);
  }
  ++queued_;
}

void RawSender::flush() {
  for (size_t first = 0; first < queued_;) {
    const auto family = to_[first].sin6_family;
    size_t end = first + 1;
    while (end < queued_ && to_[end].sin6_family == family) ++end;
    flush(family == AF_INET ? v4_.get() : v6_.get(), first, end - first);
    first = end;
  }
  queued_ = 0;
}

void RawSender::flush(int fd, size_t first, size_t count) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  for (size_t i = 0; i < count; ++i) {
    vectors[i] = {&buffers_[(first + i) * kBufferBytes], lengths_[first + i]};
    auto& m = messages[i].msg_hdr;
    m.msg_name = &to_[first + i];
    m.msg_namelen =
        to_[first + i].sin6_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    m.msg_iov = &vectors[i];
    m.msg_iovlen = 1;
  }
  for (size_t sent = 0; sent < count;) {
    const int n =
        ::sendmmsg(fd, &messages[sent], static_cast<unsigned>(count - sent), MSG_DONTWAIT);
    if (n > 0) {
      for (int i = 0; i < n; ++i)
        counters_.bytes += messages[sent + static_cast<size_t>(i)].msg_len;
      counters_.packets += static_cast<uint64_t>(n);
      sent += static_cast<size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    const char* name = ::strerrorname_np(errno);
    ++counters_.errors[name != nullptr ? name : "unknown"];
    ++sent;  // this one is lost; the rest is tried
  }
}

}  // namespace mirrorlab::os
