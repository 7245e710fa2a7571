#include "harness/verify/isolation.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

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
  // What comes in for others is passed on: a client may have business of its own behind this host.
  const auto is_here = [&](const wire::IpAddress& address) {
    return std::ranges::any_of(e.services, [&](const MirroredService& service) {
      return service.online.address == address;
    });
  };
  using Passing = std::tuple<wire::Endpoint, wire::Endpoint, uint32_t, uint32_t, uint8_t, uint32_t>;
  const auto passing = [](const wire::TcpPacket& p) {
    const auto& h = p.header;
    return Passing{h.src, h.dst, h.seq.raw(), h.ack.raw(), h.flags, p.payload_length};
  };
  std::map<Passing, uint64_t> to_pass_on;
  for (const TapPacket& p : e.online.packets()) {
    const auto parsed = wire::parse_ip_packet(p.bytes());
    if (!parsed) continue;
    const auto& h = parsed->header;
    if (is_test(h.dst) || !clients.contains(h.src.address)) continue;
    if (!p.outgoing) {
      if (!is_here(h.dst.address)) ++to_pass_on[passing(*parsed)];
      continue;
    }
    const auto known = to_pass_on.find(passing(*parsed));
    if (known != to_pass_on.end() && known->second > 0) {
      --known->second;
      continue;
    }
    ++out.misdirected;
    note("sent in a client's name, not to the test service", h);
  }
  return out;
}

}  // namespace mirrorlab::verify
