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

void set_up_end(const Plan::End& end, const scenario::Link& link) {
  net::Netlink netlink;
  if (!link.offloads) net::switch_offloads_off(end.device);
  netlink.set_mtu(end.device, link.mtu);
  if (!end.address.empty()) netlink.add_address(end.device, end.address);
  netlink.set_up(end.device);
}
}  // namespace

Topology::Topology(const scenario::Scenario& scenario, const Plan& plan) : scenario_(scenario) {
  for (const auto& n : scenario.nodes) {
    spaces_.emplace(n.name, net::Namespace::create());
    prepare(n, plan);
  }
  impaired_ = static_cast<size_t>(std::ranges::count_if(
      plan.links(), [](const Plan::LinkPlan& l) { return l.link->impaired; }));
  for (size_t i = 0; i < plan.links().size(); ++i) {
    const auto& l = plan.links()[i];
    if (l.link->impaired) {
      connect_impaired(l, i);
    } else {
      connect(l, i);
    }
  }
  for (const auto& n : scenario.nodes) finish(n, plan);
}

void Topology::prepare(const scenario::Node& node, const Plan& plan) {
  const bool v6 = scenario_.ip == scenario::Ip::v6;
  space(node.name).run([&] {
    net::write_sysctl("net.ipv4.tcp_congestion_control", "reno");
    net::write_sysctl("net.ipv4.conf.all.rp_filter", "0");
    net::write_sysctl("net.ipv4.conf.default.rp_filter", "0");
    net::write_sysctl("net.ipv4.ip_forward", "1");
    if (v6) {
      net::write_sysctl("net.ipv6.conf.all.accept_dad", "0");
      net::write_sysctl("net.ipv6.conf.default.accept_dad", "0");
      net::write_sysctl("net.ipv6.conf.all.forwarding", "1");
      // Clients bind to addresses that are local by prefix only.
      net::write_sysctl("net.ipv6.ip_nonlocal_bind", "1");
    } else {
      net::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
    }
    for (const auto& [name, value] : node.sysctls) net::write_sysctl(name, value);
    net::Netlink netlink;
    netlink.set_up("lo");
    if (node.role == Role::clients) {
      netlink.add_local_prefix(plan.prefix(node.name));
      // Why: an IPv6 route takes only an address of the host as its source, not a local prefix.
      if (v6) netlink.add_address("lo", plan.address(node.name).to_string() + "/128");
    } else {
      netlink.add_address("lo", plan.prefix(node.name));
    }
  });
}

void Topology::connect(const Plan::LinkPlan& l, size_t) {
  const auto& far = space(l.b.node);
  space(l.a.node).run([&] {
    net::Netlink().add_veth(l.a.device, l.b.device, far.fd());
    set_up_end(l.a, *l.link);
  });
  far.run([&] { set_up_end(l.b, *l.link); });
}

void Topology::connect_impaired(const Plan::LinkPlan& l, size_t index) {
  if (!wirebox_space_) {
    wirebox_space_ = std::make_unique<net::Namespace>(net::Namespace::create());
    // Why: nothing but the link's own frames may come from these devices.
    wirebox_space_->run([] { net::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1"); });
  }
  std::array<std::unique_ptr<wirebox::PacketPort>, 2> ports;
  for (const size_t side : {0U, 1U}) {
    const Plan::End& end = side == 0 ? l.a : l.b;
    const Plan::End inner{"", fmt::format("w{}{}", index, side == 0 ? 'a' : 'b'), ""};
    wirebox_space_->run([&] {
      net::Netlink().add_veth(inner.device, end.device, space(end.node).fd());
      set_up_end(inner, *l.link);
    });
    space(end.node).run([&] { set_up_end(end, *l.link); });
    wirebox_space_->run([&] {
      net::wait_running(inner.device);
      const size_t frame = l.link->offloads ? kSuperPacketBytes : l.link->mtu + kEthernetBytes;
      const size_t ring =
          std::min(wirebox::PacketPort::ample_ring_bytes(frame), kAllRingsBytes / (2 * impaired_));
      ports[side] = std::make_unique<wirebox::PacketPort>(inner.device, frame, ring);
    });
  }
  stages_.push_back(
      {l.link,
       std::make_unique<wirebox::Link>(l.a.node + "-" + l.b.node, scenario_.seed,
                                       std::move(ports[0]), std::move(ports[1]),
                                       settings(l.link->a_to_b), settings(l.link->b_to_a), &gate_),
       {}});
}

void Topology::finish(const scenario::Node& node, const Plan& plan) {
  space(node.name).run([&] {
    for (const auto& l : plan.links()) {
      if (l.a.node == node.name) net::wait_running(l.a.device);
      if (l.b.node == node.name) net::wait_running(l.b.device);
    }
    net::Netlink netlink;
    const std::string source = plan.address(node.name).to_string();
    for (const auto& route : plan.routes(node.name)) {
      netlink.add_route(route.prefix, route.gateway, source);
    }
  });
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
    overlay(a_to_b, change);
    overlay(b_to_a, change);
  }
  s.stage->change(a_to_b, b_to_a);
}

uint64_t Topology::change(const std::string& a, const std::string& b, const Impairments& change) {
  Stage& s = stage(a, b);
  s.changes.emplace(next_change_, change);
  apply(s);
  return next_change_++;
}

void Topology::undo(uint64_t number) {
  for (Stage& s : stages_) {
    if (s.changes.erase(number) > 0) apply(s);
  }
}

std::vector<wirebox::Figures> Topology::figures() const {
  std::vector<wirebox::Figures> all;
  for (const Stage& s : stages_) all.push_back(s.stage->figures());
  return all;
}

}  // namespace mirrorlab::cli
