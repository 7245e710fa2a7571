#include "harness/cli/plan.h"

#include <fmt/format.h>

#include <deque>
#include <stdexcept>

namespace mirrorlab::cli {

namespace {
using scenario::Role;

// A device is called after the node at its other end, where the kernel takes that name.
std::string device_name(const std::string& neighbour, size_t link) {
  const bool taken = neighbour == "lo" || neighbour == "all" || neighbour == "default";
  return neighbour.size() <= 15 && !taken ? neighbour : fmt::format("link{}", link);
}

std::string link_address(bool v6, size_t link, unsigned end) {
  if (v6) return fmt::format("fd00:0:0:{:x}::{}/64", 0x3000 + link, end);
  const size_t at = link * 4 + end;
  return fmt::format("10.201.{}.{}/30", at / 256, at % 256);
}

std::string without_length(const std::string& prefix) { return prefix.substr(0, prefix.find('/')); }
}  // namespace

Plan::Plan(const scenario::Scenario& scenario) : scenario_(scenario) {
  const bool v6 = scenario.ip == scenario::Ip::v6;
  unsigned clients = 0;
  unsigned others = 0;
  for (const auto& n : scenario.nodes) {
    std::string first;
    if (n.role == Role::clients) {
      ++clients;
      prefixes_[n.name] =
          v6 ? fmt::format("fd00:0:0:{:x}::/64", clients) : fmt::format("10.{}.0.0/16", clients);
      first = v6 ? fmt::format("fd00:0:0:{:x}::1", clients) : fmt::format("10.{}.0.1", clients);
    } else {
      ++others;
      first = v6 ? fmt::format("fd00:0:0:2000::{:x}", others)
                 : fmt::format("10.200.{}.{}", others / 250, others % 250);
      prefixes_[n.name] = first + (v6 ? "/128" : "/32");
    }
    addresses_[n.name] = *wire::IpAddress::parse(first);
  }
  for (size_t i = 0; i < scenario.links.size(); ++i) {
    const auto& l = scenario.links[i];
    links_.push_back({{l.a, device_name(l.b, i), link_address(v6, i, 1)},
                      {l.b, device_name(l.a, i), link_address(v6, i, 2)},
                      &l});
  }
  for (const auto& n : scenario.nodes) find_paths(n.name);
  const auto need = [&](const std::string& from, const std::string& to, const std::string& why) {
    if (from == to || connected(from, to)) return;
    throw std::runtime_error(
        fmt::format("{} needs a path from {} to {}; add links", why, from, to));
  };
  for (const auto& t : scenario.traffic) need(t.from, t.to_node, "traffic " + t.id);
  for (const auto& e : scenario.engines) {
    for (const auto& m : e.map) need(e.on, m.test_node, "engine " + e.id);
    if (const auto* peer = scenario.engine(e.peer)) need(e.on, peer->on, "engine " + e.id);
  }
}

void Plan::find_paths(const std::string& from) {
  auto& hops = first_hops_[from];
  std::deque<std::string> reached{from};
  while (!reached.empty()) {
    const std::string at = reached.front();
    reached.pop_front();
    // Clients are no router: packets of others do not pass through them.
    if (at != from && scenario_.node(at)->role == Role::clients) continue;
    for (size_t i = 0; i < links_.size(); ++i) {
      for (const bool from_a : {true, false}) {
        const std::string& here = from_a ? links_[i].a.node : links_[i].b.node;
        const std::string& next = from_a ? links_[i].b.node : links_[i].a.node;
        if (here != at || next == from || hops.contains(next)) continue;
        hops[next] = at == from ? Hop{i, from_a} : hops.at(at);
        reached.push_back(next);
      }
    }
  }
}

const Plan::Hop* Plan::hop(const std::string& from, const std::string& to) const {
  const auto& hops = first_hops_.at(from);
  const auto found = hops.find(to);
  return found == hops.end() ? nullptr : &found->second;
}

bool Plan::connected(const std::string& from, const std::string& to) const {
  return hop(from, to) != nullptr;
}

std::string Plan::device_toward(const std::string& from, const std::string& to) const {
  const Hop* h = hop(from, to);
  if (h == nullptr) throw std::runtime_error(fmt::format("no path from {} to {}", from, to));
  return h->from_a ? links_[h->link].a.device : links_[h->link].b.device;
}

wire::IpAddress Plan::address(const std::string& node) const { return addresses_.at(node); }
wire::Endpoint Plan::endpoint(const std::string& node, uint16_t port) const {
  return {addresses_.at(node), port};
}
std::string Plan::prefix(const std::string& node) const { return prefixes_.at(node); }

std::vector<Plan::Route> Plan::routes(const std::string& node) const {
  std::vector<Route> all;
  for (const auto& [to, h] : first_hops_.at(node)) {
    const LinkPlan& l = links_[h.link];
    all.push_back({prefixes_.at(to), without_length(h.from_a ? l.b.address : l.a.address)});
  }
  return all;
}

}  // namespace mirrorlab::cli
