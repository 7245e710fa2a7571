#include "os/stream_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#include "os/error.h"

namespace mirrorlab::os {

socklen_t fill_address(const wire::Endpoint& e, sockaddr_storage& storage) {
  std::memset(&storage, 0, sizeof storage);
  if (e.address.is_v4()) {
    auto* a = reinterpret_cast<sockaddr_in*>(&storage);
    a->sin_family = AF_INET;
    a->sin_port = htons(e.port);
    std::memcpy(&a->sin_addr, e.address.bytes().data(), 4);
    return sizeof *a;
  }
  auto* a = reinterpret_cast<sockaddr_in6*>(&storage);
  a->sin6_family = AF_INET6;
  a->sin6_port = htons(e.port);
  std::memcpy(&a->sin6_addr, e.address.bytes().data(), 16);
  return sizeof *a;
}

namespace {
Fd make_socket(const wire::Endpoint& e) {
  return Fd(::socket(e.address.is_v4() ? AF_INET : AF_INET6,
                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}
}  // namespace

void tune_stream(int fd) {
  const int one = 1;
  const unsigned silence_ms = 10'000;
  const int idle_s = 5;
  const int interval_s = 2;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  // Why: a few small records wait behind each loss; time-outs that double would hold them for
  // seconds.
  ::setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &one, sizeof one);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
}

tl::expected<Fd, std::string> listen_on(const wire::Endpoint& endpoint) {
  Fd fd = make_socket(endpoint);
  if (!fd) return failure("cannot make a socket");
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_storage storage;
  const socklen_t length = fill_address(endpoint, storage);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) < 0) {
    return failure("cannot bind " + endpoint.to_string(), errno,
                   "is the address on this host and the port free?");
  }
  if (::listen(fd.get(), 128) < 0) return failure("cannot listen on " + endpoint.to_string());
  return fd;
}

tl::expected<Fd, std::string> start_connect(const wire::Endpoint& endpoint) {
  Fd fd = make_socket(endpoint);
  if (!fd) return failure("cannot make a socket");
  sockaddr_storage storage;
  const socklen_t length = fill_address(endpoint, storage);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) < 0 &&
      errno != EINPROGRESS) {
    return failure("cannot connect to " + endpoint.to_string());
  }
  return fd;
}

wire::Endpoint local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) < 0) return {};
  if (storage.ss_family == AF_INET) {
    const auto* a = reinterpret_cast<const sockaddr_in*>(&storage);
    return {wire::IpAddress::v4(reinterpret_cast<const uint8_t*>(&a->sin_addr)),
            ntohs(a->sin_port)};
  }
  const auto* a = reinterpret_cast<const sockaddr_in6*>(&storage);
  return {wire::IpAddress::v6(a->sin6_addr.s6_addr), ntohs(a->sin6_port)};
}

Nanos round_trip(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return 0;
  return static_cast<Nanos>(info.tcpi_rtt) * 1000;
}

int connect_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

}  // namespace mirrorlab::os
