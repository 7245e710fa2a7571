#include "harness/net/netlink.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "os/clock.h"
#include "os/error.h"

namespace mirrorlab::net {

namespace {
constexpr int kLoopback = 1;  // the index of lo in every namespace
// So many requests at a time: their errors fit into the socket's receive buffer.
constexpr size_t kMostKept = 64;

struct Prefix {
  uint8_t family = AF_INET;
  uint8_t length = 0;
  std::array<uint8_t, 16> bytes{};
  [[nodiscard]] size_t size() const { return family == AF_INET6 ? 16 : 4; }
};

// ADDR or ADDR/LEN.
Prefix parse_prefix(const std::string& text) {
  Prefix p;
  const std::string address = text.substr(0, text.find('/'));
  p.family = address.find(':') != std::string::npos ? AF_INET6 : AF_INET;
  const size_t longest = p.size() * 8;
  size_t length = longest;
  if (address.size() != text.size()) {
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + address.size() + 1, end, length);
    if (read.ec != std::errc() || read.ptr != end) length = longest + 1;
  }
  if (::inet_pton(p.family, address.c_str(), p.bytes.data()) != 1 || length > longest) {
    throw std::runtime_error("cannot read the address " + text);
  }
  p.length = static_cast<uint8_t>(length);
  return p;
}

ifinfomsg link_of(int index, bool up = false) {
  ifinfomsg info{};
  info.ifi_family = AF_UNSPEC;
  info.ifi_index = index;
  if (up) info.ifi_flags = info.ifi_change = IFF_UP;
  return info;
}

// What the kernel says beside the number, where it says anything (extended acknowledgment).
std::string kernel_words(const nlmsghdr& head, const nlmsgerr& error) {
  if ((head.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  size_t at = NLMSG_HDRLEN + sizeof(nlmsgerr);
  if ((head.nlmsg_flags & NLM_F_CAPPED) == 0) {
    at += NLMSG_ALIGN(error.msg.nlmsg_len - NLMSG_HDRLEN);
  }
  const char* bytes = reinterpret_cast<const char*>(&head);
  while (at + sizeof(nlattr) <= head.nlmsg_len) {
    nlattr attribute{};
    std::memcpy(&attribute, bytes + at, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || at + attribute.nla_len > head.nlmsg_len) break;
    if (attribute.nla_type == NLMSGERR_ATTR_MSG) {
      const char* text = bytes + at + sizeof attribute;
      return std::string(text, ::strnlen(text, attribute.nla_len - sizeof attribute));
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return {};
}

bool offload_ioctl(int fd, const std::string& device, uint32_t command, uint32_t value) {
  ethtool_value off{command, value};
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&off);
  return ::ioctl(fd, SIOCETHTOOL, &request) == 0 || errno == EOPNOTSUPP;
}
}  // namespace

Netlink::Netlink(When when)
    : when_(when),
      route_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)),
      control_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_nl any{};
  any.nl_family = AF_NETLINK;
  if (!route_ || !control_ ||
      ::bind(route_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) < 0) {
    throw std::runtime_error(os::error_text("cannot open a route netlink socket"));
  }
  const int on = 1;
  // Refused by none of the kernels we know; without them the kernel only says less.
  (void)::setsockopt(route_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(route_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  know("lo", kLoopback);
}

int Netlink::index_of(const std::string& device) {
  if (const auto known = indexes_.find(device); known != indexes_.end()) return known->second;
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(control_.get(), SIOCGIFINDEX, &request) < 0) {
    throw std::runtime_error(os::error_text("no device " + device));
  }
  know(device, request.ifr_ifindex);
  return request.ifr_ifindex;
}

void Netlink::add_veth(const VethEnd& here, const VethEnd& peer, int peer_namespace, unsigned mtu,
                       int master) {
  NetlinkMessages& m = messages_;
  m.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_of(here.index),
          "make the veth pair " + here.name + " - " + peer.name);
  m.add_text(IFLA_IFNAME, here.name);
  if (mtu != 0) m.add_u32(IFLA_MTU, mtu);
  if (master != 0) m.add_u32(IFLA_MASTER, static_cast<uint32_t>(master));
  const size_t info = m.open(IFLA_LINKINFO);
  m.add_text(IFLA_INFO_KIND, "veth");
  const size_t data = m.open(IFLA_INFO_DATA);
  const size_t other = m.open(VETH_INFO_PEER);
  const ifinfomsg peer_link = link_of(peer.index);
  m.append(&peer_link, sizeof peer_link);
  m.add_text(IFLA_IFNAME, peer.name);
  if (mtu != 0) m.add_u32(IFLA_MTU, mtu);
  m.add_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(peer_namespace));
  m.close(other);
  m.close(data);
  m.close(info);
  if (here.index != 0) know(here.name, here.index);
  done();
}

void Netlink::add_bridge(const std::string& name, int index) {
  NetlinkMessages& m = messages_;
  m.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_of(index, true), "make the bridge " + name);
  m.add_text(IFLA_IFNAME, name);
  const size_t info = m.open(IFLA_LINKINFO);
  m.add_text(IFLA_INFO_KIND, "bridge");
  const size_t data = m.open(IFLA_INFO_DATA);
  const uint8_t off = 0;
  m.add(IFLA_BR_MCAST_SNOOPING, &off, sizeof off);
  m.add_u32(IFLA_BR_STP_STATE, 0);
  m.close(data);
  m.close(info);
  know(name, index);
  done();
}

void Netlink::set_up(const std::string& device) {
  messages_.begin(RTM_NEWLINK, 0, link_of(index_of(device), true), "set " + device + " up");
  done();
}

void Netlink::set_mtu(const std::string& device, unsigned mtu) {
  messages_.begin(RTM_NEWLINK, 0, link_of(index_of(device)),
                  "set the MTU of " + device + " to " + std::to_string(mtu));
  messages_.add_u32(IFLA_MTU, mtu);
  done();
}

void Netlink::set_master(const std::string& device, int bridge) {
  messages_.begin(RTM_NEWLINK, 0, link_of(index_of(device)), "make " + device + " a bridge port");
  messages_.add_u32(IFLA_MASTER, static_cast<uint32_t>(bridge));
  done();
}

void Netlink::add_address(const std::string& device, const std::string& address) {
  const Prefix p = parse_prefix(address);
  ifaddrmsg entry{};
  entry.ifa_family = p.family;
  entry.ifa_prefixlen = p.length;
  entry.ifa_flags = p.family == AF_INET6 ? IFA_F_NODAD : 0;
  entry.ifa_index = static_cast<uint32_t>(index_of(device));
  messages_.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, entry,
                  "give " + device + " the address " + address);
  messages_.add(IFA_LOCAL, p.bytes.data(), p.size());
  messages_.add(IFA_ADDRESS, p.bytes.data(), p.size());
  done();
}

void Netlink::add_route(const std::string& prefix, const std::string& gateway,
                        const std::string& source) {
  const Prefix to = parse_prefix(prefix);
  rtmsg route{};
  route.rtm_family = to.family;
  route.rtm_dst_len = to.length;
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_UNIVERSE;
  route.rtm_type = RTN_UNICAST;
  const Prefix by = parse_prefix(gateway);
  const Prefix from = parse_prefix(source);
  messages_.begin(RTM_NEWROUTE, NLM_F_CREATE, route, "route " + prefix + " by " + gateway);
  if (to.length > 0) messages_.add(RTA_DST, to.bytes.data(), to.size());
  messages_.add(RTA_GATEWAY, by.bytes.data(), by.size());
  messages_.add(RTA_PREFSRC, from.bytes.data(), from.size());
  done();
}

void Netlink::add_local_prefix(const std::string& prefix) {
  const Prefix to = parse_prefix(prefix);
  rtmsg route{};
  route.rtm_family = to.family;
  route.rtm_dst_len = to.length;
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_HOST;
  route.rtm_type = RTN_LOCAL;
  messages_.begin(RTM_NEWROUTE, NLM_F_CREATE, route, "make " + prefix + " local");
  messages_.add(RTA_DST, to.bytes.data(), to.size());
  messages_.add_u32(RTA_OIF, kLoopback);
  done();
}

void Netlink::done() {
  if (when_ == When::at_once || messages_.count() >= kMostKept) commit();
}

void Netlink::commit() {
  if (messages_.count() == 0) return;
  const auto& bytes = messages_.finish();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(route_.get(), bytes.data(), bytes.size(), 0,
               reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
    throw std::runtime_error(
        os::error_text("cannot ask the kernel to " + messages_.attempt(messages_.last_sequence())));
  }
  std::string wrong;
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  for (bool answered = false; !answered;) {
    const ssize_t n = ::recv(route_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::runtime_error(os::error_text("cannot read what the kernel answers"));
    auto left = static_cast<unsigned>(n);
    for (auto* head = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(head, left);
         head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type != NLMSG_ERROR) continue;
      const auto* answer = static_cast<const nlmsgerr*>(NLMSG_DATA(head));
      answered = answered || head->nlmsg_seq == messages_.last_sequence();
      if (answer->error == 0 || !wrong.empty()) continue;
      wrong = os::error_text("cannot " + messages_.attempt(head->nlmsg_seq), -answer->error,
                             kernel_words(*head, *answer));
    }
  }
  messages_.clear();
  if (!wrong.empty()) throw std::runtime_error(wrong);
}

void Netlink::switch_offloads_off(const std::string& device) {
  // Without checksum offload the kernel takes scatter-gather away too, and with it segmentation.
  for (const uint32_t command : {ETHTOOL_STXCSUM, ETHTOOL_SGRO}) {
    if (!offload_ioctl(control_.get(), device, command, 0)) {
      throw std::runtime_error(os::error_text("cannot switch offloads of " + device + " off"));
    }
  }
}

void Netlink::wait_running(const std::string& device) {
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  for (const auto deadline = os::steady_now() + 2 * os::kNanosPerSecond;;) {
    if (::ioctl(control_.get(), SIOCGIFFLAGS, &request) < 0) {
      throw std::runtime_error(os::error_text("cannot read the state of " + device));
    }
    if ((request.ifr_flags & IFF_RUNNING) != 0) return;
    if (os::steady_now() > deadline) throw std::runtime_error(device + " does not come up");
    ::poll(nullptr, 0, 1);
  }
}

void switch_offloads_off(const std::string& device) { Netlink().switch_offloads_off(device); }
void wait_running(const std::string& device) { Netlink().wait_running(device); }

uint64_t received_packets(const std::string& device) {
  std::ifstream in("/proc/thread-self/net/dev");
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    uint64_t bytes = 0;
    uint64_t packets = 0;
    if (fields >> name >> bytes >> packets && name == device + ":") return packets;
  }
  throw std::runtime_error("no counters of device " + device);
}

void write_sysctl(const std::string& name, const std::string& value) {
  std::string path = name;
  std::ranges::replace(path, '.', '/');
  std::ofstream out("/proc/sys/" + path);
  out << value << std::flush;
  if (!out) throw std::runtime_error("cannot set " + name + " to " + value);
}

}  // namespace mirrorlab::net
