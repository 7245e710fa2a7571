#include "os/raw_sender.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "os/error.h"
#include "os/socket_buffer.h"

namespace mirrorlab::os {

namespace {
constexpr size_t kSocketBuffer = 16U << 20U;
}  // namespace

tl::expected<RawSender, std::string> RawSender::open(size_t max_packet, SendMany send_many) {
  RawSender s;
  s.send_many_ = send_many;
  const int one = 1;
  s.v4_.reset(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  if (!s.v4_)
    return failure("cannot open a raw socket", errno,
                   "run as root or give the program CAP_NET_RAW (setcap cap_net_raw+ep)");
  enlarge_send_buffer(s.v4_.get(), kSocketBuffer);
  // IPv6 may be off on this host; then only IPv4 is mirrored.
  s.v6_.reset(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  if (s.v6_) {
    if (::setsockopt(s.v6_.get(), IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof one) < 0) s.v6_.reset();
    if (s.v6_) enlarge_send_buffer(s.v6_.get(), kSocketBuffer);
  }
  s.slot_bytes_ = (max_packet + wire::kMaxHeaderBytes + 63) / 64 * 64;
  s.buffers_.resize(kSlots * s.slot_bytes_);
  s.lengths_.resize(kSlots);
  s.to_.resize(kSlots);
  return s;
}

void RawSender::send(const wire::TcpHeader& h, wire::Bytes payload) {
  if (wire::kMaxHeaderBytes + payload.size() > slot_bytes_) {
    ++counters_.errors[EMSGSIZE];
    return;
  }
  if (queued_ == kSlots && wait_.fd < 0 && wait_.until == kNever) flush(last_now_);
  if (queued_ == kSlots) {
    ++counters_.overflow;
    return;
  }
  const size_t at = (first_ + queued_) % kSlots;
  lengths_[at] = static_cast<uint32_t>(wire::write_packet(h, payload, slot(at), next_id_++));
  sockaddr_in6& to = to_[at];
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

void RawSender::flush(Nanos now) {
  wait_ = Wait{};
  last_now_ = now;
  while (queued_ > 0) {
    const auto family = to_[first_].sin6_family;
    const size_t contiguous = std::min({queued_, kSlots - first_, kBatch});
    size_t count = 1;
    while (count < contiguous && to_[first_ + count].sin6_family == family) ++count;
    if (family == AF_INET6 && !v6_) {
      drop_first(EAFNOSUPPORT);
      continue;
    }
    if (!send_batch(family == AF_INET ? v4_.get() : v6_.get(), count, now)) return;
  }
  retry_ = kFirstSendRetry;
}

bool RawSender::send_batch(int fd, size_t count, Nanos now) {
  std::array<mmsghdr, kBatch> messages;
  std::array<iovec, kBatch> vectors;
  for (size_t i = 0; i < count; ++i) {
    vectors[i] = {slot(first_ + i), lengths_[first_ + i]};
    messages[i] = mmsghdr{};
    auto& m = messages[i].msg_hdr;
    m.msg_name = &to_[first_ + i];
    m.msg_namelen =
        to_[first_ + i].sin6_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    m.msg_iov = &vectors[i];
    m.msg_iovlen = 1;
  }
  const int n = send_many_(fd, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  if (n > 0) {
    const auto sent = static_cast<size_t>(n);
    for (size_t i = 0; i < sent; ++i) counters_.bytes += lengths_[first_ + i];
    counters_.packets += sent;
    ++counters_.batches;
    first_ = (first_ + sent) % kSlots;
    queued_ -= sent;
    return true;
  }
  const int error = n == 0 ? EAGAIN : errno;
  if (error == EINTR) return true;
  if (must_wait(error)) {
    defer(error == EAGAIN ? fd : -1, error, now);
    return false;
  }
  stale_ = true;
  drop_first(error);
  return true;
}

void RawSender::defer(int fd, int error, Nanos now) {
  ++counters_.deferred;
  wait_.fd = fd;
  if (error == EAGAIN) return;
  // Why a timer: the socket itself is writable, so no event tells when the device has room again.
  wait_.until = now + retry_;
  retry_ = std::min(retry_ * 2, kMaxSendRetry);
}

void RawSender::drop_first(int error) {
  ++counters_.errors[error_index(error)];
  first_ = (first_ + 1) % kSlots;
  --queued_;
}

}  // namespace mirrorlab::os
