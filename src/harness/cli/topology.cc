#include "harness/cli/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "harness/net/netlink.h"

namespace mirrorlab::cli {

namespace {
using scenario::Impairments;
using scenario::Role;

// Ethernet header, and the 64 KiB of a super-packet where offloads are on.
constexpr size_t kEthernetBytes = 18;
constexpr size_t kSuperPacketBytes = 66 * 1024;
// Memory of all link stages' rings together.
constexpr size_t kAllRingsBytes = size_t{1} << 30U;
// Devices get their numbers from us: nobody has to ask the kernel for them.
constexpr int kBridgeIndex = 2;
constexpr int kClientDevice = 2;

void overlay(wirebox::Settings& s, const Impairments& i) {
  if (i.delay) s.delay = i.delay->count();
  if (i.jitter) s.jitter = i.jitter->count();
  if (i.rate) s.rate_bits = *i.rate;
  if (i.queue) s.queue_bytes = *i.queue;
  if (i.loss) s.loss = *i.loss;
  if (i.burst) s.burst = *i.burst;
  if (i.reorder) s.reorder = *i.reorder;
  if (i.duplicate) s.duplicate = *i.duplicate;
  if (i.corrupt) s.corrupt = *i.corrupt;
  if (i.mtu) s.mtu = *i.mtu;
  if (i.down) s.down = *i.down;
}

wirebox::Settings settings(const Impairments& i) {
  wirebox::Settings s;
  overlay(s, i);
  return s;
}

// The device that an end of a link gets: configured and up once the batch is through.
void set_up_end(net::Netlink& netlink, const Plan::End& end, int bridge) {
  if (bridge != 0) netlink.set_master(end.device, bridge);
  if (!end.address.empty()) netlink.add_address(end.device, end.address);
  netlink.set_up(end.device);
}
}  // namespace

Topology::Topology(const scenario::Scenario& scenario, const Plan& plan)
    : scenario_(scenario), plan_(plan) {
  std::vector<Host> hosts;
  for (const auto& n : scenario.nodes) {
    numbers_.emplace(n.name, hosts.size());
    hosts.push_back({&n, 0, nullptr, 2});
  }
  for (const auto& n : scenario.nodes) {
    if (!n.spaces) continue;
    first_client_.emplace(n.name, hosts.size());
    for (uint32_t i = 1; i <= n.count; ++i) hosts.push_back({&n, i, nullptr, 2});
  }
  make_spaces(hosts);
  impaired_ = static_cast<size_t>(std::ranges::count_if(
      plan.links(), [](const Plan::LinkPlan& l) { return l.link->impaired; }));
  for (size_t i = 0; i < plan.links().size(); ++i) {
    const auto& l = plan.links()[i];
    if (l.link->impaired) {
      connect_impaired(l, i, hosts);
    } else {
      connect(l, hosts);
    }
  }
  for (size_t i = 0; i < scenario.nodes.size(); ++i) {
    if (scenario.nodes[i].spaces) connect_clients(i, hosts);
  }
  for (Host& host : hosts) finish(host);
}

std::vector<const net::Namespace*> Topology::client_spaces(const std::string& node) const {
  std::vector<const net::Namespace*> all;
  const auto first = first_client_.find(node);
  if (first == first_client_.end()) return all;
  for (uint32_t i = 0; i < scenario_.node(node)->count; ++i) {
    all.push_back(&spaces_[first->second + i]);
  }
  return all;
}

void Topology::make_spaces(std::vector<Host>& hosts) {
  spaces_ = net::Namespace::create_all(hosts.size(), [&](size_t i) {
    hosts[i].netlink = std::make_unique<net::Netlink>(net::Netlink::When::on_commit);
    prepare(hosts[i]);
  });
  for (Host& host : hosts) {
    // A bridge is the first device, so that its number is known to its ports.
    if (host.is_bridge()) ++host.next_index;
  }
}

// In the host's namespace.
void Topology::prepare(Host& host) const {
  const bool v6 = scenario_.ip == scenario::Ip::v6;
  const bool passes_only = host.client == 0 && host.node->role == Role::bridge;
  if (v6 && !passes_only) {
    net::write_sysctl("net.ipv6.conf.all.accept_dad", "0");
    net::write_sysctl("net.ipv6.conf.default.accept_dad", "0");
  } else {
    net::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
  }
  net::Netlink& netlink = *host.netlink;
  if (host.is_bridge()) netlink.add_bridge("bridge", kBridgeIndex);
  netlink.set_up("lo");
  if (host.client > 0) {
    net::write_sysctl("net.ipv4.tcp_congestion_control", "reno");
  } else if (!passes_only) {
    prepare_node(*host.node, netlink);
  }
  for (const auto& [name, value] : host.node->sysctls) net::write_sysctl(name, value);
  netlink.commit();
}

void Topology::prepare_node(const scenario::Node& node, net::Netlink& netlink) const {
  const bool v6 = scenario_.ip == scenario::Ip::v6;
  // Fail closed: what the intercept of an assistant lets go is dropped, not passed on to clients.
  const char* forwards = node.role == Role::assistant ? "0" : "1";
  net::write_sysctl("net.ipv4.tcp_congestion_control", "reno");
  net::write_sysctl("net.ipv4.conf.all.rp_filter", "0");
  net::write_sysctl("net.ipv4.conf.default.rp_filter", "0");
  net::write_sysctl("net.ipv4.ip_forward", forwards);
  if (v6) {
    net::write_sysctl("net.ipv6.conf.all.forwarding", forwards);
    // Clients bind to addresses that are local by prefix only.
    net::write_sysctl("net.ipv6.ip_nonlocal_bind", "1");
  }
  if (node.spaces) {
    netlink.add_address("bridge", plan_.gateway(node.name));
  } else if (node.role == Role::clients) {
    netlink.add_local_prefix(plan_.prefix(node.name));
    // Why: an IPv6 route takes only an address of the host as its source, not a local prefix.
    if (v6) netlink.add_address("lo", plan_.address(node.name).to_string() + "/128");
  } else if (const auto own = plan_.loopback(node.name); !own.empty()) {
    netlink.add_address("lo", own);
  }
}

void Topology::connect(const Plan::LinkPlan& l, std::vector<Host>& hosts) {
  Host& a = hosts[numbers_.at(l.a.node)];
  Host& b = hosts[numbers_.at(l.b.node)];
  const net::Netlink::VethEnd here{l.a.device, a.next_index++};
  const net::Netlink::VethEnd peer{l.b.device, b.next_index++};
  a.netlink->add_veth(here, peer, space(l.b.node).fd(), l.link->mtu);
  a.netlink->commit();
  b.netlink->know(peer.name, peer.index);
  for (const auto& [host, end] : {std::pair{&a, &l.a}, std::pair{&b, &l.b}}) {
    if (!l.link->offloads) host->netlink->switch_offloads_off(end->device);
    set_up_end(*host->netlink, *end, host->node->role == Role::bridge ? kBridgeIndex : 0);
    host->netlink->commit();
  }
}

void Topology::connect_impaired(const Plan::LinkPlan& l, size_t index, std::vector<Host>& hosts) {
  if (!wirebox_space_) {
    wirebox_space_ = std::make_unique<net::Namespace>(net::Namespace::create());
    wirebox_space_->run([&] {
      // Why: nothing but the link's own frames may come from these devices.
      net::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
      wirebox_netlink_ = std::make_unique<net::Netlink>();
    });
  }
  std::array<std::unique_ptr<wirebox::PacketPort>, 2> ports;
  for (const size_t side : {0U, 1U}) {
    const Plan::End& end = side == 0 ? l.a : l.b;
    Host& host = hosts[numbers_.at(end.node)];
    const std::string inner = fmt::format("w{}{}", index, side == 0 ? 'a' : 'b');
    const net::Netlink::VethEnd outer{end.device, host.next_index++};
    wirebox_netlink_->add_veth({inner, 0}, outer, space(end.node).fd(), l.link->mtu);
    host.netlink->know(outer.name, outer.index);
    if (!l.link->offloads) {
      wirebox_netlink_->switch_offloads_off(inner);
      host.netlink->switch_offloads_off(end.device);
    }
    wirebox_netlink_->set_up(inner);
    set_up_end(*host.netlink, end, host.node->role == Role::bridge ? kBridgeIndex : 0);
    host.netlink->commit();
    wirebox_netlink_->wait_running(inner);
    const size_t frame = l.link->offloads ? kSuperPacketBytes : l.link->mtu + kEthernetBytes;
    const size_t ring =
        std::min(wirebox::PacketPort::ample_ring_bytes(frame), kAllRingsBytes / (2 * impaired_));
    wirebox_space_->run(
        [&] { ports[side] = std::make_unique<wirebox::PacketPort>(inner, frame, ring); });
  }
  stages_.push_back(
      {l.link,
       std::make_unique<wirebox::Link>(l.a.node + "-" + l.b.node, scenario_.seed,
                                       std::move(ports[0]), std::move(ports[1]),
                                       settings(l.link->a_to_b), settings(l.link->b_to_a), &gate_),
       {}});
  // Why: the analyzer of clang 14 loses sight of the ports, which are the link's now.
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)

// All at once: the ports in the bridge's namespace, then each client's own device.
void Topology::connect_clients(size_t number, std::vector<Host>& hosts) {
  Host& middle = hosts[number];
  const std::string& name = middle.node->name;
  const size_t first = first_client_.at(name);
  const auto port = [](uint32_t i) { return fmt::format("client{}", i + 1); };
  for (uint32_t i = 0; i < middle.node->count; ++i) {
    middle.netlink->add_veth({port(i), middle.next_index++}, {"eth0", kClientDevice},
                             spaces_[first + i].fd(), 0, kBridgeIndex);
  }
  middle.netlink->commit();
  const std::string gateway = plan_.gateway(name);
  const std::string length = gateway.substr(gateway.find('/'));
  const std::string anywhere = scenario_.ip == scenario::Ip::v6 ? "::/0" : "0.0.0.0/0";
  for (uint32_t i = 0; i < middle.node->count; ++i) {
    const std::string own = plan_.client(name, i).to_string();
    net::Netlink& netlink = *hosts[first + i].netlink;
    middle.netlink->switch_offloads_off(port(i));
    netlink.switch_offloads_off("eth0");
    netlink.know("eth0", kClientDevice);
    netlink.add_address("eth0", own + length);
    netlink.set_up("eth0");
    netlink.add_route(anywhere, gateway.substr(0, gateway.find('/')), own);
    netlink.commit();
    middle.netlink->set_up(port(i));
  }
  middle.netlink->commit();
}

void Topology::finish(Host& host) const {
  if (host.client > 0) return host.netlink->wait_running("eth0");
  for (const auto& device : plan_.devices(host.node->name)) host.netlink->wait_running(device);
  if (host.node->role == Role::bridge) return;
  const std::string source = plan_.source(host.node->name);
  for (const auto& route : plan_.routes(host.node->name)) {
    host.netlink->add_route(route.prefix, route.gateway, source);
  }
  host.netlink->commit();
}

Topology::Stage& Topology::stage(const std::string& a, const std::string& b) {
  for (Stage& s : stages_) {
    if ((s.link->a == a && s.link->b == b) || (s.link->a == b && s.link->b == a)) return s;
  }
  throw std::runtime_error(fmt::format("no impaired link between {} and {}", a, b));
}

void Topology::apply(Stage& s) {
  auto a_to_b = settings(s.link->a_to_b);
  auto b_to_a = settings(s.link->b_to_a);
  for (const auto& [number, change] : s.changes) {
    overlay(a_to_b, change.a_to_b);
    overlay(b_to_a, change.b_to_a);
  }
  s.stage->change(a_to_b, b_to_a);
}

uint64_t Topology::change(const std::string& a, const std::string& b, const Impairments& there,
                          const Impairments& back) {
  Stage& s = stage(a, b);
  const bool as_named = s.link->a == a;
  s.changes[next_change_] = {as_named ? there : back, as_named ? back : there};
  apply(s);
  return next_change_++;
}

void Topology::undo(uint64_t number) {
  for (Stage& s : stages_) {
    if (s.changes.erase(number) > 0) apply(s);
  }
}

void Topology::replay(const FaultList& list) {
  for (const auto& f : list.faults) {
    const auto named = [&](const Stage& s) { return s.stage->name() == f.link; };
    if (std::ranges::none_of(stages_, named)) {
      throw std::runtime_error(fmt::format(
          "cannot replay: the scenario has no impaired link {}; is it the one of the list?",
          f.link));
    }
  }
  for (const Stage& s : stages_) {
    std::vector<wirebox::Fault> faults;
    for (const auto& f : list.faults) {
      if (f.link == s.stage->name()) faults.push_back(f.fault);
    }
    s.stage->replay(faults);
  }
}

std::vector<wirebox::Figures> Topology::figures() const {
  std::vector<wirebox::Figures> all;
  for (const Stage& s : stages_) all.push_back(s.stage->figures());
  return all;
}

}  // namespace mirrorlab::cli
