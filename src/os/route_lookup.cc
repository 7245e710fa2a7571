#include "os/route_lookup.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "os/fd.h"

namespace mirrorlab::os {

namespace {
// libnl's objects are counted; each type has its own way to give one back.
template <auto put>
struct Put {
  template <typename T>
  void operator()(T* object) const {
    put(object);
  }
};
using Route = std::unique_ptr<rtnl_route, Put<rtnl_route_put>>;
using Link = std::unique_ptr<rtnl_link, Put<rtnl_link_put>>;
using Address = std::unique_ptr<nl_addr, Put<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, Put<nl_cache_free>>;
using Neighbour = std::unique_ptr<rtnl_neigh, Put<rtnl_neigh_put>>;
using Message = std::unique_ptr<nl_msg, Put<nlmsg_free>>;

Address nl_address(const wire::IpAddress& a) {
  const auto bytes = a.bytes();
  return Address(nl_addr_build(a.is_v4() ? AF_INET : AF_INET6, bytes.data(), bytes.size()));
}

int parse_route(nl_msg* message, void* into) {
  rtnl_route* route = nullptr;
  if (rtnl_route_parse(nlmsg_hdr(message), &route) == 0) static_cast<Route*>(into)->reset(route);
  return NL_OK;
}

Route route_to(nl_sock* socket, const wire::IpAddress& to) {
  const Message message(nlmsg_alloc_simple(RTM_GETROUTE, 0));
  if (!message) return {};
  rtmsg request{};
  request.rtm_family = to.is_v4() ? AF_INET : AF_INET6;
  request.rtm_dst_len = to.is_v4() ? 32 : 128;
  const auto bytes = to.bytes();
  if (nlmsg_append(message.get(), &request, sizeof request, NLMSG_ALIGNTO) < 0 ||
      nla_put(message.get(), RTA_DST, static_cast<int>(bytes.size()), bytes.data()) < 0) {
    return {};
  }
  Route route;
  nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, parse_route, &route);
  // No route is an answer like any other.
  if (nl_send_auto(socket, message.get()) >= 0) nl_recvmsgs_default(socket);
  nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_DEFAULT, nullptr, nullptr);
  return route;
}

bool copy_mac(const nl_addr* from, MacAddress& to) {
  if (from == nullptr || nl_addr_get_len(from) != to.size()) return false;
  std::memcpy(to.data(), nl_addr_get_binary_addr(from), to.size());
  return true;
}

void find_neighbour(nl_sock* socket, nl_addr* address, NextHop& hop) {
  nl_cache* raw = nullptr;
  if (rtnl_neigh_alloc_cache(socket, &raw) < 0) return;
  const Cache cache(raw);
  const Neighbour found(rtnl_neigh_get(cache.get(), hop.device, address));
  hop.unresolved = true;
  if (!found) return;
  const int state = rtnl_neigh_get_state(found.get());
  constexpr int kFresh = NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP;
  constexpr int kUsable = kFresh | NUD_STALE | NUD_DELAY | NUD_PROBE;
  hop.by_link = (state & kUsable) != 0 && copy_mac(rtnl_neigh_get_lladdr(found.get()), hop.to);
  hop.unconfirmed = (state & kFresh) == 0;
  hop.unresolved = !hop.by_link && (state & kUsable) == 0;
}
}  // namespace

void KernelRoutes::Close::operator()(nl_sock* socket) const { nl_socket_free(socket); }

tl::expected<std::unique_ptr<RouteLookup>, std::string> KernelRoutes::open() {
  auto routes = std::make_unique<KernelRoutes>();
  routes->socket_.reset(nl_socket_alloc());
  if (!routes->socket_) return tl::unexpected(std::string("no memory for a netlink socket"));
  // Why: an answer is enough, and an acknowledgement left unread would be taken for the next one's.
  nl_socket_disable_auto_ack(routes->socket_.get());
  if (const int error = nl_connect(routes->socket_.get(), NETLINK_ROUTE); error < 0) {
    return tl::unexpected(std::string("cannot ask the kernel for routes (rtnetlink): ") +
                          nl_geterror(error));
  }
  std::unique_ptr<RouteLookup> opened = std::move(routes);
  return opened;
}

NextHop KernelRoutes::find(const wire::IpAddress& to) {
  NextHop hop;
  const Route route = route_to(socket_.get(), to);
  if (!route || rtnl_route_get_nnexthops(route.get()) < 1) return hop;
  const auto type = rtnl_route_get_type(route.get());
  if (type != RTN_UNICAST && type != RTN_LOCAL) return hop;
  rtnl_nexthop* next = rtnl_route_nexthop_n(route.get(), 0);
  hop.device = rtnl_route_nh_get_ifindex(next);
  rtnl_link* raw = nullptr;
  if (rtnl_link_get_kernel(socket_.get(), hop.device, nullptr, &raw) < 0 || raw == nullptr) {
    return hop;
  }
  const Link link(raw);
  if ((rtnl_link_get_flags(link.get()) & IFF_UP) == 0) return hop;
  hop.routed = true;
  hop.mtu = rtnl_link_get_mtu(link.get());
  uint32_t route_mtu = 0;
  if (rtnl_route_get_metric(route.get(), RTAX_MTU, &route_mtu) == 0 && route_mtu != 0) {
    hop.mtu = std::min(hop.mtu, route_mtu);
  }
  const bool ethernet = rtnl_link_get_arptype(link.get()) == ARPHRD_ETHER;
  const bool resolves = (rtnl_link_get_flags(link.get()) & IFF_NOARP) == 0;
  if (type != RTN_UNICAST || !ethernet || !copy_mac(rtnl_link_get_addr(link.get()), hop.from)) {
    return hop;
  }
  nl_addr* gateway = rtnl_route_nh_get_gateway(next);
  if (gateway == nullptr) gateway = rtnl_route_nh_get_via(next);
  const Address own = nl_address(to);
  find_neighbour(socket_.get(), gateway != nullptr ? gateway : own.get(), hop);
  hop.unresolved = hop.unresolved && resolves;
  return hop;
}

void KernelRoutes::resolve(const wire::IpAddress& to) {
  constexpr uint16_t kDiscard = 9;
  const int one = 1;
  const bool v4 = to.is_v4();
  const Fd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return;  // asked again soon
  static_cast<void>(::setsockopt(fd.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6,
                                 v4 ? IP_TTL : IPV6_UNICAST_HOPS, &one, sizeof one));
  sockaddr_in6 address{};
  const auto bytes = to.bytes();
  if (v4) {
    auto* a = reinterpret_cast<sockaddr_in*>(&address);
    a->sin_family = AF_INET;
    a->sin_port = htons(kDiscard);
    std::memcpy(&a->sin_addr, bytes.data(), bytes.size());
  } else {
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(kDiscard);
    std::memcpy(&address.sin6_addr, bytes.data(), bytes.size());
  }
  // What the kernel says to it (no route, a neighbour that failed) is found out by find().
  static_cast<void>(::sendto(fd.get(), nullptr, 0, MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

}  // namespace mirrorlab::os
