#include "harness/verify/death.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "wire/packet.h"

namespace mirrorlab::verify {

namespace {
struct Sent {
  wire::Seq seq;
  uint32_t length = 0;
  bool syn = false;
};
using ByClient = std::unordered_map<wire::Endpoint, std::vector<Sent>>;

// Packets to the test service of the clients that `by_client` knows.
void collect(const PacketLog& log, bool outgoing, const wire::Endpoint& test, ByClient& by_client) {
  for (const TapPacket& tap : log.packets()) {
    if (tap.outgoing != outgoing) continue;
    const auto p = wire::parse_ip_packet(tap.bytes());
    if (!p || p->header.dst != test) continue;
    const auto found = by_client.find(p->header.src);
    if (found == by_client.end()) continue;
    found->second.push_back({p->header.seq, static_cast<uint32_t>(p->payload_length),
                             p->header.has(wire::tcp_flag::kSyn)});
  }
}

uint64_t with_byte(const std::vector<Sent>& all, const Connection& c, int64_t offset) {
  const wire::Seq byte = c.zero + static_cast<uint32_t>(offset);
  const auto has_it = [&](const Sent& s) {
    if (c.length == 0) return s.syn;
    const int64_t into = byte.since(s.seq);
    return into >= 0 && into < static_cast<int64_t>(s.length);
  };
  return static_cast<uint64_t>(std::ranges::count_if(all, has_it));
}

std::vector<std::string> dropped_by(const Evidence& e, const wire::Endpoint& client,
                                    const wire::Endpoint& test) {
  std::set<std::string> by;
  for (const Way& way : e.hops.ways) {
    if (way.from != "online" || way.to != "test") continue;
    for (const StageCount& stage : way.stages) {
      for (const auto& drop : stage.listed) {
        if (drop.flow.client == client && drop.flow.server == test) {
          by.insert(drop.cause + " on " + stage.link);
        }
      }
    }
  }
  return {by.begin(), by.end()};
}
}  // namespace

const char* Death::last_seen() const {
  if (reached_test > 0) return "test host";
  return left_online > 0 ? "online host, leaving" : "online host";
}

std::vector<Death> deaths(const Evidence& e, const MirroredService& service,
                          const Connections& online, const Mirror& mirror) {
  std::vector<Death> all;
  ByClient left;
  for (const Session& s : mirror.sessions) {
    if (!s.reason.empty()) left[online.all[s.online].client];
  }
  if (left.empty()) return all;
  ByClient reached = left;
  collect(e.online, true, service.test, left);
  collect(e.test, false, service.test, reached);
  const int64_t began = e.online.packets().empty() ? 0 : e.online.packets().front().time_ns;
  for (const Session& s : mirror.sessions) {
    if (s.reason.empty()) continue;
    const Connection& c = online.all[s.online];
    Death d;
    d.client = c.client;
    d.online = service.online;
    d.test = service.test;
    d.fate = s.fate;
    d.reason = s.reason;
    d.hop = s.hop;
    d.ranges = s.lost;
    d.stream_bytes = static_cast<uint64_t>(c.length);
    d.lost_bytes = s.lost_bytes;
    d.at_s = static_cast<double>(c.first_ns - began) / 1e9;
    const int64_t first = s.lost.empty() ? 0 : s.lost.front().begin;
    d.left_online = with_byte(left.at(c.client), c, first);
    d.reached_test = with_byte(reached.at(c.client), c, first);
    d.dropped_by = dropped_by(e, c.client, service.test);
    all.push_back(std::move(d));
  }
  return all;
}

std::string in_words(const Death& d) {
  std::string text = d.client.to_string() + " > " + d.online.to_string() + ": ";
  if (d.ranges.empty()) {
    text += "never opened at " + d.test.to_string();
  } else {
    text += "lost " + std::to_string(d.lost_bytes) + " of " + std::to_string(d.stream_bytes) +
            " bytes, from byte " + std::to_string(d.ranges.front().begin);
  }
  text += "; " + d.reason + " at " + d.hop + "; last seen at the " + d.last_seen();
  if (d.left_online > 0 && d.reached_test == 0) {
    text += ", which it left " + std::to_string(d.left_online) + " times";
  }
  for (const auto& by : d.dropped_by) text += "; " + by;
  return text;
}

}  // namespace mirrorlab::verify
