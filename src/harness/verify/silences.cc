#include "harness/verify/silences.h"

#include <algorithm>
#include <unordered_map>

#include "wire/packet.h"

namespace mirrorlab::verify {

namespace {
// The engine hears of a packet when it gets a CPU, thus of one silence a little earlier than of the
// packet that broke it.
constexpr int64_t kLate = 100'000'000;
constexpr int64_t kLatePart = 4;

struct Heard {
  int64_t time_ns;
  bool client;
};
using ByClient = std::unordered_map<wire::Endpoint, std::vector<Heard>>;

int64_t end_of(const Evidence& e) {
  int64_t end = 0;
  for (const PacketLog* log : {&e.online, &e.test}) {
    if (!log->packets().empty()) end = std::max(end, log->packets().back().time_ns);
  }
  return e.taps_until_ns == INT64_MAX ? end : std::max(end, e.taps_until_ns);
}

ByClient heard(const Evidence& e, const MirroredService& service) {
  ByClient all;
  for (const TapPacket& tap : e.online.packets()) {
    if (tap.outgoing) continue;
    const auto p = wire::parse_ip_packet(tap.bytes());
    if (p && p->header.dst == service.online) all[p->header.src].push_back({tap.time_ns, true});
  }
  for (const TapPacket& tap : e.test.packets()) {
    if (!tap.outgoing) continue;
    const auto p = wire::parse_ip_packet(tap.bytes());
    if (!p || p->header.src != service.test) continue;
    const auto client = all.find(p->header.dst);
    if (client != all.end()) client->second.push_back({tap.time_ns, false});
  }
  return all;
}
}  // namespace

Silences::Silences(const Evidence& e, const MirroredService& service, const Connections& online) {
  const int64_t least = e.idle_timeout_ns - std::min(kLate, e.idle_timeout_ns / kLatePart);
  if (e.online.packets().empty()) return;
  const int64_t end = end_of(e);
  if (end - e.online.packets().front().time_ns < least) return;
  spans_.resize(online.all.size());
  for (auto& [client, times] : heard(e, service)) {
    const auto found = online.by_client.find(client);
    if (found == online.by_client.end()) continue;
    std::ranges::stable_sort(times, {}, &Heard::time_ns);
    const auto& connections = found->second;
    for (size_t k = 0; k < connections.size(); ++k) {
      const int64_t from = online.all[connections[k]].first_ns;
      const bool last = k + 1 == connections.size();
      const int64_t until = last ? end : online.all[connections[k + 1]].first_ns;
      auto& spans = spans_[connections[k]];
      int64_t before = from;
      const auto silence = [&](int64_t to, bool broken) {
        if (to - before >= least) spans.push_back({before, to, broken});
        before = to;
      };
      for (const Heard& h : times) {
        if (h.time_ns > from && h.time_ns < until) silence(h.time_ns, h.client);
      }
      silence(until, false);
      broken_ += static_cast<uint64_t>(std::ranges::count(spans, true, &Span::broken));
      connections_ += spans.empty() ? 0 : 1;
    }
  }
}

const std::vector<Silences::Span>& Silences::of(uint32_t connection) const {
  static const std::vector<Span> kNone;
  return connection < spans_.size() ? spans_[connection] : kNone;
}

}  // namespace mirrorlab::verify
