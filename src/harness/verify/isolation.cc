#include "harness/verify/isolation.h"

#include <algorithm>
#include <set>

#include "wire/packet.h"

namespace mirrorlab::verify {

Isolation check_isolation(const Evidence& e, const std::vector<const Connections*>& online) {
  Isolation out;
  const auto note = [&](const std::string& what, const wire::TcpHeader& h) {
    if (out.first.empty()) {
      out.first = what + ": " + h.src.to_string() + " to " + h.dst.to_string();
    }
  };
  const auto is_test = [&](const wire::Endpoint& endpoint) {
    return std::ranges::any_of(
        e.services, [&](const MirroredService& service) { return service.test == endpoint; });
  };
  // Packets of the test service that came in; what a host only passes on is counted once.
  const auto leaks = [&](const PacketLog& log) {
    uint64_t seen = 0;
    for (const TapPacket& p : log.packets()) {
      if (p.outgoing) continue;
      const auto parsed = wire::parse_ip_packet(p.bytes());
      if (!parsed || !is_test(parsed->header.src)) continue;
      ++seen;
      note("a reply of the test service left the test host", parsed->header);
    }
    return seen;
  };
  // The same packet may pass several taps: the tap that saw most of them counts.
  out.leaked = std::max(leaks(e.clients), leaks(e.online));

  std::set<wire::IpAddress> clients;
  for (const Connections* part : online) {
    for (const Connection& c : part->all) clients.insert(c.client.address);
  }
  for (const TapPacket& p : e.online.packets()) {
    if (!p.outgoing) continue;
    const auto parsed = wire::parse_ip_packet(p.bytes());
    if (!parsed) continue;
    const auto& h = parsed->header;
    if (is_test(h.dst) || !clients.contains(h.src.address)) continue;
    ++out.misdirected;
    note("sent in a client's name, not to the test service", h);
  }
  return out;
}

}  // namespace mirrorlab::verify
