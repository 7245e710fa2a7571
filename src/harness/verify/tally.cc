#include "harness/verify/tally.h"

#include <algorithm>

#include "wire/packet.h"

namespace mirrorlab::verify {

namespace {
enum class Party : uint8_t { none, online, test, intercept };
using Parties = std::unordered_map<wire::Endpoint, Party>;

Parties parties_of(const Evidence& e) {
  Parties parties;
  for (const MirroredService& s : e.services) {
    parties[s.online] = Party::online;
    parties[s.test] = Party::test;
  }
  for (const EngineSays& engine : e.hops.engines) {
    if (engine.serves) parties[*engine.serves] = Party::intercept;
  }
  return parties;
}

// Parties that receive, and that send.
constexpr std::array<std::array<Kind, 2>, 4> kKindsOf{{{},
                                                       {Kind::request, Kind::answer},
                                                       {Kind::mirrored, Kind::reply},
                                                       {Kind::header_ack, Kind::header_record}}};
}  // namespace

Tally::Tally(const Evidence& e, const PacketLog& log, int64_t until_ns) {
  const Parties parties = parties_of(e);
  const auto party = [&](const wire::Endpoint& endpoint) {
    const auto found = parties.find(endpoint);
    return found == parties.end() ? Party::none : found->second;
  };
  for (const TapPacket& tap : log.packets()) {
    if (tap.time_ns > until_ns) continue;
    const auto packet = wire::parse_ip_packet(tap.bytes());
    if (!packet) continue;
    const auto& h = packet->header;
    const size_t direction = tap.outgoing ? 1 : 0;
    if (const Party to = party(h.dst); to != Party::none) {
      times_[index(kKindsOf[static_cast<size_t>(to)][0])][direction].push_back(tap.time_ns);
      if (to == Party::online && !tap.outgoing) requests_[h.dst].push_back(tap.time_ns);
    }
    if (const Party from = party(h.src); from != Party::none) {
      times_[index(kKindsOf[static_cast<size_t>(from)][1])][direction].push_back(tap.time_ns);
    }
  }
  for (auto& kind : times_) {
    for (Times& times : kind) std::ranges::sort(times);
  }
  for (auto& [service, times] : requests_) std::ranges::sort(times);
}

Tally::Times Tally::requests_to(const std::vector<wire::Endpoint>& services) const {
  Times all;
  for (const auto& service : services) {
    const auto found = requests_.find(service);
    if (found != requests_.end()) all.insert(all.end(), found->second.begin(), found->second.end());
  }
  std::ranges::sort(all);
  return all;
}

uint64_t Tally::before(const Times& times, int64_t ns) {
  return static_cast<uint64_t>(std::ranges::lower_bound(times, ns) - times.begin());
}

}  // namespace mirrorlab::verify
