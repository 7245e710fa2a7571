#include "harness/cli/taps.h"

#include <algorithm>
#include <set>

namespace mirrorlab::cli {

namespace {
using scenario::Role;

// Where a host is watched: at its one device, or at all of them. Clients are watched where they
// leave toward online hosts: behind that, each client may have a namespace and devices of its own.
std::set<std::string> devices_of(const LabContext& lab, const scenario::Node& node) {
  if (node.role == Role::bridge) return {};
  if (node.role != Role::clients) {
    const auto all = lab.plan.devices(node.name);
    return {all.size() == 1 ? all.front() : ""};
  }
  std::set<std::string> devices;
  for (const auto* online : lab.scenario.nodes_of(Role::online)) {
    if (lab.plan.connected(node.name, online->name)) {
      devices.insert(lab.plan.device_toward(node.name, online->name));
    }
  }
  return devices;
}

verify::PacketLog& log_of(const scenario::Node& node, verify::Evidence& e) {
  switch (node.role) {
    case Role::clients:
      return e.clients;
    case Role::online:
      return e.online;
    case Role::test:
      return e.test;
    case Role::assistant:
    case Role::router:
    case Role::bridge:
      break;
  }
  const auto found = std::ranges::find(e.waypoints, node.name, &verify::Waypoint::name);
  if (found != e.waypoints.end()) return found->seen;
  e.waypoints.push_back({node.name, verify::PacketLog()});
  return e.waypoints.back().seen;
}
}  // namespace

Taps::Taps(const LabContext& lab, const Topology& topology) {
  for (const auto& node : lab.scenario.nodes) {
    std::vector<uint16_t> ports;
    for (const auto& service : node.run) ports.push_back(service.port);
    for (const auto& device : devices_of(lab, node)) {
      Place place{&node, nullptr};
      topology.space(node.name).run(
          [&] { place.tap = std::make_unique<verify::Tap>(device, ports); });
      places_.push_back(std::move(place));
    }
  }
}

void Taps::stop(verify::Evidence& e, const std::string& directory) {
  if (stopped_) return;
  stopped_ = true;
  // All at one time: what is on its way between two of them counts for neither.
  e.taps_until_ns = os::wall_now();
  for (auto& place : places_) place.tap->end();
  for (auto& place : places_) {
    log_of(*place.node, e).append(place.tap->stop());
    e.tap_drops += place.tap->drops();
    e.taps_cpu_ns += place.tap->cpu();
  }
  verify::write_pcap(directory + "/online.pcap", e.online);
  verify::write_pcap(directory + "/test.pcap", e.test);
}

}  // namespace mirrorlab::cli
