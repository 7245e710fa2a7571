#include "os/local_address.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>
#include <memory>

#include "os/fd.h"
#include "os/stream_socket.h"

namespace mirrorlab::os {

namespace {
bool any_address_can_be_bound(bool v4) {
  int value = 0;
  std::ifstream in(v4 ? "/proc/sys/net/ipv4/ip_nonlocal_bind"
                      : "/proc/sys/net/ipv6/ip_nonlocal_bind");
  in >> value;
  return value != 0;
}

bool is_on_a_device(const wire::IpAddress& address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) < 0) return true;  // cannot tell: the careful answer
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr) continue;
    const void* bytes = nullptr;
    if (i->ifa_addr->sa_family == AF_INET && address.is_v4()) {
      bytes = &reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr;
    } else if (i->ifa_addr->sa_family == AF_INET6 && !address.is_v4()) {
      bytes = &reinterpret_cast<const sockaddr_in6*>(i->ifa_addr)->sin6_addr;
    }
    if (bytes != nullptr && std::memcmp(bytes, address.bytes().data(), address.bytes().size()) == 0)
      return true;
  }
  return false;
}
}  // namespace

// bind() also knows of local routes (AnyIP), which no device carries as an address.
bool is_local_address(const wire::IpAddress& address) {
  if (address.is_loopback()) return true;
  if (any_address_can_be_bound(address.is_v4())) return is_on_a_device(address);
  const Fd fd(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return false;  // this family is off here
  sockaddr_storage storage;
  const socklen_t length = fill_address({address, 0}, storage);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

}  // namespace mirrorlab::os
