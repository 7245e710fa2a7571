#include "harness/cli/taps.h"

#include <utility>

namespace mirrorlab::cli {

using scenario::Role;

Taps::Taps(const LabContext& lab, const Topology& topology) {
  const std::string& online = lab.scenario.node_of(Role::online)->name;
  const std::string& test = lab.scenario.node_of(Role::test)->name;
  const std::string& clients = lab.scenario.node_of(Role::clients)->name;
  const auto tap = [&](const std::string& node, const std::string& device, uint32_t keep) {
    std::unique_ptr<verify::Tap> made;
    topology.space(node).run([&] { made = std::make_unique<verify::Tap>(device, keep); });
    return made;
  };
  for (const auto& n : lab.scenario.nodes) {
    if (n.role != Role::clients) continue;
    clients_.push_back(tap(n.name, lab.plan.device_toward(n.name, online), verify::Tap::kHeaders));
  }
  online_ = tap(online, lab.plan.device_toward(online, clients), verify::Tap::kWhole);
  egress_ = tap(online, "", verify::Tap::kHeaders);
  test_ = tap(test, lab.plan.device_toward(test, online), verify::Tap::kWhole);
  drops_before_ = box_drops();
}

void Taps::stop(verify::Evidence& e, const std::string& directory) {
  if (stopped_) return;
  stopped_ = true;
  for (auto& tap : clients_) {
    const auto log = tap->stop();
    e.tap_drops += tap->drops() + log.left_out();
    for (const auto& packet : log.packets()) e.clients.add(packet);
  }
  for (const auto& [tap, into] :
       {std::pair{online_.get(), &e.online}, std::pair{egress_.get(), &e.egress},
        std::pair{test_.get(), &e.test}}) {
    *into = tap->stop();
    e.tap_drops += tap->drops();
  }
  verify::write_pcap(directory + "/online.pcap", e.online);
  verify::write_pcap(directory + "/test.pcap", e.test);
  const auto drops = box_drops();
  e.softnet_drops = drops.softnet - drops_before_.softnet;
}

}  // namespace mirrorlab::cli
