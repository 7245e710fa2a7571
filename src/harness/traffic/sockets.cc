#include "harness/traffic/sockets.h"

#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "os/error.h"

namespace mirrorlab::traffic {

wire::Endpoint endpoint_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return {wire::IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    return {wire::IpAddress::v4(v6.sin6_addr.s6_addr + 12), ntohs(v6.sin6_port)};
  }
  return {wire::IpAddress::v6(v6.sin6_addr.s6_addr), ntohs(v6.sin6_port)};
}

socklen_t sockaddr_of(const wire::Endpoint& endpoint, sockaddr_storage& out) {
  out = {};
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
  return sizeof v6;
}

wire::IpAddress plus(const wire::IpAddress& address, uint64_t n) {
  std::array<uint8_t, 16> bytes{};
  const auto from = address.bytes();
  std::copy(from.begin(), from.end(), bytes.begin());
  for (size_t i = from.size(); i-- > 0 && n > 0;) {
    n += bytes[i];
    bytes[i] = static_cast<uint8_t>(n);
    n >>= 8U;
  }
  return address.is_v4() ? wire::IpAddress::v4(bytes.data()) : wire::IpAddress::v6(bytes.data());
}

tl::expected<os::Fd, std::string> listen_on_all(uint16_t port, uint64_t window, int backlog) {
  const std::string what = "cannot serve port " + std::to_string(port);
  os::Fd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return os::failure(what);
  const int one = 1;
  const int off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (window > 0) {  // before listen: the handshake announces it
    const auto bytes = static_cast<int>(window);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(fd.get(), backlog) < 0) {
    return os::failure(what, errno, "is another service on it?");
  }
  return fd;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  // Why not an error: what cannot be had shows as a refused connection, with its errno.
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace mirrorlab::traffic
