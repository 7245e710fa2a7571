#include "harness/cli/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <stdexcept>

namespace mirrorlab::cli {

namespace {
using scenario::Role;

// More routes than this by one gateway become one default route.
constexpr size_t kManyRoutes = 16;
constexpr size_t kMaxBridgedHosts = 1'000;

// A device is called after the node at its other end, where the kernel takes that name.
std::string device_name(const std::string& neighbour, size_t link) {
  const bool taken =
      neighbour == "lo" || neighbour == "all" || neighbour == "default" || neighbour == "bridge";
  return neighbour.size() <= 15 && !taken ? neighbour : fmt::format("link{}", link);
}

std::string ipv4(uint32_t first_octets, size_t number) {
  return fmt::format("10.{}.{}.{}", first_octets + (number >> 16U), (number >> 8U) & 255U,
                     number & 255U);
}

std::string link_address(bool v6, size_t link, size_t host) {
  if (v6) return fmt::format("fd00:0:0:{:x}::{:x}/64", 0x3000 + link, host);
  return ipv4(201, link * 4 + host) + "/30";
}
std::string bridged_address(bool v6, size_t network, size_t host) {
  if (v6) return fmt::format("fd00:0:0:{:x}::{:x}/64", 0x4000 + network, host);
  return ipv4(208, network * 1024 + host) + "/22";
}
std::string without_length(const std::string& prefix) { return prefix.substr(0, prefix.find('/')); }
}  // namespace

Plan::Plan(const scenario::Scenario& scenario)
    : scenario_(scenario), v6_(scenario.ip == scenario::Ip::v6) {
  for (const auto& n : scenario.nodes) numbers_.emplace(n.name, numbers_.size());
  for (size_t i = 0; i < scenario.links.size(); ++i) {
    const auto& l = scenario.links[i];
    links_.push_back({{l.a, device_name(l.b, i), ""}, {l.b, device_name(l.a, i), ""}, &l});
  }
  make_networks();
  address_networks();
  address_nodes();
  first_hops_.resize(scenario.nodes.size());
  for (size_t n = 0; n < scenario.nodes.size(); ++n) find_paths(n);
  check_paths();
}

bool Plan::is_bridge(size_t node) const { return scenario_.nodes[node].role == Role::bridge; }

// For each link a number that it shares with the links it is bridged with.
std::vector<size_t> Plan::join_links() const {
  std::vector<size_t> network(links_.size());
  std::map<size_t, size_t> of_bridge;
  for (size_t i = 0; i < links_.size(); ++i) {
    network[i] = i;
    for (const End* e : {&links_[i].a, &links_[i].b}) {
      const size_t node = number(e->node);
      if (!is_bridge(node)) continue;
      const size_t known = of_bridge.try_emplace(node, network[i]).first->second;
      const size_t kept = std::min(known, network[i]);
      const size_t gone = std::max(known, network[i]);
      std::ranges::replace(network, gone, kept);
      for (auto& [bridge, joined] : of_bridge) {
        if (joined == gone) joined = kept;
      }
    }
  }
  return network;
}

void Plan::make_networks() {
  networks_of_.resize(scenario_.nodes.size());
  std::map<size_t, size_t> position;
  const auto joined = join_links();
  for (size_t i = 0; i < links_.size(); ++i) {
    const size_t at = position.try_emplace(joined[i], networks_.size()).first->second;
    if (at == networks_.size()) networks_.emplace_back();
    for (const bool at_a : {true, false}) {
      const size_t node = number(end(i, at_a).node);
      if (is_bridge(node)) {
        networks_[at].bridged = true;
      } else {
        networks_[at].hosts.push_back({node, i, at_a});
        networks_of_[node].push_back(at);
      }
    }
  }
}

void Plan::address_networks() {
  size_t bridged = 0;
  for (Network& net : networks_) {
    if (net.hosts.size() > kMaxBridgedHosts) {
      throw PlanError(links_[net.hosts[kMaxBridgedHosts].link].link->at,
                      fmt::format("at most {} hosts on one bridged network; split it with a router",
                                  kMaxBridgedHosts));
    }
    const auto address = [&](size_t link, size_t host) {
      return net.bridged ? bridged_address(v6_, bridged, host) : link_address(v6_, link, host);
    };
    for (size_t h = 0; h < net.hosts.size(); ++h) {
      const Place& p = net.hosts[h];
      (p.at_a ? links_[p.link].a : links_[p.link].b).address = address(p.link, h + 1);
    }
    if (!net.hosts.empty()) net.prefix = address(net.hosts[0].link, 0);
    if (net.bridged) ++bridged;
  }
}

void Plan::address_nodes() {
  unsigned clients = 0;
  unsigned others = 0;
  for (size_t n = 0; n < scenario_.nodes.size(); ++n) {
    const auto& node = scenario_.nodes[n];
    std::string first;
    std::string prefix;
    std::string gateway;
    std::string destination;
    const bool on_bridge = networks_of_[n].size() == 1 && networks_[networks_of_[n][0]].bridged;
    if (node.role == Role::clients) {
      ++clients;
      first = v6_ ? fmt::format("fd00:0:0:{:x}::1", clients) : fmt::format("10.{}.0.1", clients);
      prefix =
          v6_ ? fmt::format("fd00:0:0:{:x}::/64", clients) : fmt::format("10.{}.0.0/16", clients);
      gateway = v6_ ? fmt::format("fd00:0:0:{:x}:ffff::1/64", clients)
                    : fmt::format("10.{}.255.254/16", clients);
      destination = prefix;
    } else if (on_bridge && node.role != Role::bridge) {
      const Network& net = networks_[networks_of_[n][0]];
      const auto here = std::ranges::find(net.hosts, n, &Place::node);
      first = without_length(end(here->link, here->at_a).address);
      prefix = first + (v6_ ? "/128" : "/32");
      destination = net.prefix;
    } else {
      ++others;
      first = v6_ ? fmt::format("fd00:0:0:2000::{:x}", others)
                  : fmt::format("10.200.{}.{}", others / 250, others % 250);
      prefix = first + (v6_ ? "/128" : "/32");
      if (node.role != Role::bridge) destination = prefix;
    }
    addresses_.push_back(*wire::IpAddress::parse(first));
    prefixes_.push_back(prefix);
    gateways_.push_back(gateway);
    destinations_.push_back(destination);
  }
}

// Clients are no router, and an assistant lets nothing through.
bool Plan::forwards(size_t node) const {
  const Role role = scenario_.nodes[node].role;
  return role != Role::clients && role != Role::assistant;
}

void Plan::need_path(scenario::Location at, const std::string& who, const std::string& from,
                     const std::string& to, const std::string& why) const {
  if (from == to || connected(from, to)) return;
  std::string reached;
  std::string between;
  for (size_t n = 0; n < scenario_.nodes.size(); ++n) {
    const std::string& name = scenario_.nodes[n].name;
    if (name == from || is_bridge(n) || !connected(from, name)) continue;
    reached += (reached.empty() ? "`" : ", `") + name + "`";
    if (!forwards(n) && connected(to, name)) {
      between = fmt::format(", and `{}`, which has the role {}, forwards nothing", name,
                            to_string(scenario_.nodes[n].role));
    }
  }
  throw PlanError(
      at, fmt::format("{}: no path from `{}` to `{}`, {}: links lead from `{}` to {}{}; add "
                      "`{{between: [{}, {}]}}` under links, or a way around",
                      who, from, to, why, from,
                      reached.empty() ? "no other host" : reached + " only", between, from, to));
}

void Plan::check_paths() const {
  for (const auto& t : scenario_.traffic) {
    need_path(t.at, "traffic `" + t.id + "`", t.from, t.to_node, "which it talks to");
  }
  for (const auto& e : scenario_.engines) {
    const std::string who = "engines." + e.id;
    for (const auto& m : e.map) {
      need_path(e.at, who, e.on, m.test_node, "which it mirrors to");
    }
    for (const auto& peer : e.peers) {
      need_path(e.at, who, e.on, scenario_.engine(peer)->on, "where its intercept " + peer + " is");
    }
  }
  for (const auto& n : scenario_.nodes) {
    if (n.assistant.empty()) continue;
    const size_t assistant = number(n.assistant);
    const auto& direct = first_hops_[number(n.name)][assistant];
    if (!direct || direct->node != assistant) {
      throw PlanError(n.at,
                      fmt::format("nodes.{}.assistant: it sends its replies to `{}`, which is "
                                  "no neighbour; add `{{between: [{}, {}]}}` under links, or "
                                  "join both by a bridge",
                                  n.name, n.assistant, n.name, n.assistant));
    }
  }
}

void Plan::find_paths(size_t from) {
  auto& hops = first_hops_[from];
  hops.resize(scenario_.nodes.size());
  std::vector<bool> crossed(networks_.size());
  std::deque<size_t> reached{from};
  while (!reached.empty()) {
    const size_t at = reached.front();
    reached.pop_front();
    if (at != from && !forwards(at)) continue;
    for (const size_t n : networks_of_[at]) {
      if (crossed[n]) continue;
      crossed[n] = true;
      const auto& hosts = networks_[n].hosts;
      const auto here = std::ranges::find(hosts, at, &Place::node);
      for (const Place& next : hosts) {
        if (next.node == from || next.node == at || hops[next.node]) continue;
        hops[next.node] = at == from ? Hop{next.node, here->link, here->at_a,
                                           without_length(end(next.link, next.at_a).address)}
                                     : *hops[at];
        reached.push_back(next.node);
      }
    }
  }
}

const Plan::Hop* Plan::hop(size_t from, size_t to) const {
  const auto& assistant = scenario_.nodes[from].assistant;
  const bool aside = !assistant.empty() && scenario_.nodes[to].role == Role::clients;
  const auto& found = first_hops_[from][aside ? number(assistant) : to];
  return found ? &*found : nullptr;
}

bool Plan::connected(const std::string& from, const std::string& to) const {
  return first_hops_[number(from)][number(to)].has_value();
}

std::string Plan::device_toward(const std::string& from, const std::string& to) const {
  const Hop* h = hop(number(from), number(to));
  if (h == nullptr) throw std::runtime_error(fmt::format("no path from {} to {}", from, to));
  return end(h->link, h->at_a).device;
}

std::string Plan::host_toward(const std::string& from, const std::string& to) const {
  const Hop* h = hop(number(from), number(to));
  return h == nullptr ? "" : scenario_.nodes[h->node].name;
}

std::vector<std::string> Plan::devices(const std::string& node) const {
  std::vector<std::string> all;
  for (const auto& l : links_) {
    if (l.a.node == node) all.push_back(l.a.device);
    if (l.b.node == node) all.push_back(l.b.device);
  }
  return all;
}

wire::IpAddress Plan::address(const std::string& node) const { return addresses_[number(node)]; }
wire::Endpoint Plan::endpoint(const std::string& node, uint16_t port) const {
  return {address(node), port};
}
std::string Plan::prefix(const std::string& node) const { return prefixes_[number(node)]; }

std::string Plan::loopback(const std::string& node) const {
  const size_t n = number(node);
  const bool on_link = destinations_[n] != prefixes_[n];
  return on_link || scenario_.nodes[n].role == Role::clients ? "" : prefixes_[n];
}

std::string Plan::gateway(const std::string& clients) const { return gateways_[number(clients)]; }

wire::IpAddress Plan::client(const std::string& clients, uint32_t index) const {
  const std::string first = address(clients).to_string();
  const auto text = v6_ ? fmt::format("{}{:x}", first.substr(0, first.size() - 1), index + 1)
                        : fmt::format("{}.{}.{}", first.substr(0, first.find('.', 3)),
                                      (index + 1) >> 8U, (index + 1) & 255U);
  return *wire::IpAddress::parse(text);
}

std::string Plan::source(const std::string& node) const {
  const bool behind = scenario_.node(node)->spaces;
  return behind ? without_length(gateway(node)) : address(node).to_string();
}

std::vector<Plan::Route> Plan::routes(const std::string& node) const {
  const size_t from = number(node);
  std::vector<Route> all;
  std::set<std::string> routed;
  for (const size_t n : networks_of_[from]) routed.insert(networks_[n].prefix);  // by the link
  std::map<std::string, size_t> by_gateway;
  for (size_t to = 0; to < destinations_.size(); ++to) {
    const Hop* h = hop(from, to);
    if (h == nullptr || destinations_[to].empty() || !routed.insert(destinations_[to]).second) {
      continue;
    }
    ++by_gateway[h->gateway];
    all.push_back({destinations_[to], h->gateway});
  }
  if (by_gateway.empty()) return all;
  const auto commonest =
      std::ranges::max_element(by_gateway, {}, [](const auto& gateway) { return gateway.second; });
  if (commonest->second <= kManyRoutes) return all;
  std::erase_if(all, [&](const Route& r) { return r.gateway == commonest->first; });
  all.push_back({v6_ ? "::/0" : "0.0.0.0/0", commonest->first});
  return all;
}

}  // namespace mirrorlab::cli
