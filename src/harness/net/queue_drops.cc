#include "harness/net/queue_drops.h"

#include <linux/pkt_sched.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/route/qdisc.h>
#include <netlink/socket.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace mirrorlab::net {

namespace {
void check(int error) {
  if (error >= 0) return;
  throw std::runtime_error("cannot read what queues of devices dropped: " +
                           std::string(nl_geterror(error)));
}
}  // namespace

std::map<std::string, uint64_t> read_queue_drops() {
  const std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket(nl_socket_alloc(), nl_socket_free);
  check(socket ? nl_connect(socket.get(), NETLINK_ROUTE) : -NLE_NOMEM);
  nl_cache* read = nullptr;
  check(rtnl_qdisc_alloc_cache(socket.get(), &read));
  const std::unique_ptr<nl_cache, void (*)(nl_cache*)> cache(read, nl_cache_free);
  std::map<std::string, uint64_t> all;
  for (auto* o = nl_cache_get_first(cache.get()); o != nullptr; o = nl_cache_get_next(o)) {
    auto* queue = reinterpret_cast<rtnl_tc*>(o);
    // The root's count holds what those below it dropped.
    if (rtnl_tc_get_parent(queue) != TC_H_ROOT) continue;
    std::array<char, IF_NAMESIZE> name{};
    const auto index = static_cast<unsigned>(rtnl_tc_get_ifindex(queue));
    if (::if_indextoname(index, name.data()) == nullptr) continue;  // gone meanwhile
    all[name.data()] += rtnl_tc_get_stat(queue, RTNL_TC_DROPS);
  }
  return all;
}

}  // namespace mirrorlab::net
