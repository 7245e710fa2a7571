#include "harness/cli/taps.h"

#include <algorithm>
#include <set>
#include <utility>

namespace mirrorlab::cli {

using scenario::Node;
using scenario::Role;

namespace {
using All = std::vector<std::unique_ptr<verify::Tap>>;

// The devices of `from` by which its packets to any of `to` leave.
std::set<std::string> devices_toward(const Plan& plan, const Node& from,
                                     const std::vector<const Node*>& to) {
  std::set<std::string> devices;
  for (const Node* n : to) {
    if (n != &from && plan.connected(from.name, n->name)) {
      devices.insert(plan.device_toward(from.name, n->name));
    }
  }
  return devices;
}

// What several taps saw, in the order of time.
verify::PacketLog merged(All& taps, uint64_t& drops) {
  std::vector<verify::PacketLog> logs;
  for (auto& tap : taps) {
    logs.push_back(tap->stop());
    drops += tap->drops();
  }
  if (logs.size() == 1) return std::move(logs.front());
  std::vector<verify::TapPacket> packets;
  for (const auto& log : logs) {
    drops += log.left_out();
    packets.insert(packets.end(), log.packets().begin(), log.packets().end());
  }
  std::ranges::stable_sort(packets, {}, &verify::TapPacket::time_ns);
  verify::PacketLog all;
  for (const auto& packet : packets) all.add(packet);
  return all;
}
}  // namespace

Taps::Taps(const LabContext& lab, const Topology& topology) {
  const auto clients = lab.scenario.nodes_of(Role::clients);
  const auto onlines = lab.scenario.nodes_of(Role::online);
  const auto tests = lab.scenario.nodes_of(Role::test);
  const auto tap = [&](All& into, const Node& node, const std::string& device, uint32_t keep) {
    topology.space(node.name).run(
        [&] { into.push_back(std::make_unique<verify::Tap>(device, keep)); });
  };
  for (const Node* n : clients) {
    for (const auto& device : devices_toward(lab.plan, *n, onlines)) {
      tap(clients_, *n, device, verify::Tap::kHeaders);
    }
  }
  for (const Node* n : onlines) {
    for (const auto& device : devices_toward(lab.plan, *n, clients)) {
      tap(online_, *n, device, verify::Tap::kWhole);
    }
    tap(egress_, *n, "", verify::Tap::kHeaders);
  }
  for (const Node* n : tests) {
    for (const auto& device : devices_toward(lab.plan, *n, onlines)) {
      tap(test_, *n, device, verify::Tap::kWhole);
    }
  }
  drops_before_ = box_drops();
}

void Taps::stop(verify::Evidence& e, const std::string& directory) {
  if (stopped_) return;
  stopped_ = true;
  e.clients = merged(clients_, e.tap_drops);
  e.online = merged(online_, e.tap_drops);
  e.egress = merged(egress_, e.tap_drops);
  e.test = merged(test_, e.tap_drops);
  verify::write_pcap(directory + "/online.pcap", e.online);
  verify::write_pcap(directory + "/test.pcap", e.test);
  const auto drops = box_drops();
  e.softnet_drops = drops.softnet - drops_before_.softnet;
}

}  // namespace mirrorlab::cli
