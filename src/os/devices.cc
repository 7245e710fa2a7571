#include "os/devices.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "os/error.h"

namespace mirrorlab::os {

std::vector<Device> devices() {
  std::vector<Device> all;
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  struct if_nameindex* const names = ::if_nameindex();
  if (names == nullptr) return all;
  for (const struct if_nameindex* at = names; at->if_index != 0; ++at) {
    Device device{at->if_name, static_cast<int>(at->if_index)};
    ifreq request{};
    std::strncpy(request.ifr_name, at->if_name, IFNAMSIZ - 1);
    // A device that is gone by now is left out.
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) < 0) continue;
    device.loopback = (request.ifr_flags & IFF_LOOPBACK) != 0;
    if (::ioctl(fd.get(), SIOCGIFHWADDR, &request) < 0) continue;
    device.ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
    all.push_back(std::move(device));
  }
  ::if_freenameindex(names);
  return all;
}

tl::expected<void, std::string> require_devices(const std::vector<std::string>& names) {
  const auto present = devices();
  for (const auto& name : names) {
    if (std::ranges::find(present, name, &Device::name) == present.end()) {
      return tl::unexpected("this host has no network device " + name + "; see `ip link`");
    }
  }
  return {};
}

tl::expected<DeviceWatch, std::string> DeviceWatch::open() {
  DeviceWatch watch;
  watch.fd_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!watch.fd_) return failure("cannot open a netlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_TC;
  if (::bind(watch.fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return failure("cannot watch the network devices");
  }
  for (const int group : {RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF}) {
    // Since Linux 3.8 and 4.12; without them forwarding is looked at less often.
    static_cast<void>(
        ::setsockopt(watch.fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group));
  }
  return watch;
}

void DeviceWatch::drain() {
  std::array<char, 8192> buffer;
  // Why ENOBUFS is no end: what was missed is seen in devices().
  while (::recv(fd_.get(), buffer.data(), buffer.size(), 0) > 0 || errno == ENOBUFS ||
         errno == EINTR) {
  }
}

}  // namespace mirrorlab::os
