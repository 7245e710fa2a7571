#include "harness/verify/streams.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include "wire/packet.h"

namespace mirrorlab::verify {

namespace {
struct Assembly {
  ClientStream stream;
  wire::Seq zero;
  wire::Seq answer_zero;
  bool answer_known = false;
  int64_t acked = 0;
  std::map<uint64_t, std::pair<std::string, Arrival>> later;

  void take(uint64_t offset, std::string_view data, const Arrival& arrival) {
    const uint64_t next = stream.bytes.size();
    if (offset > next) {
      later.try_emplace(offset, std::string(data), arrival);
      return;
    }
    if (offset + data.size() <= next) return;
    stream.arrivals.push_back({next, arrival.acked, arrival.time_ns});
    stream.bytes.append(data.substr(next - offset));
    while (!later.empty() && later.begin()->first <= stream.bytes.size()) {
      const auto held = later.extract(later.begin());
      take(held.key(), held.mapped().first, held.mapped().second);
    }
  }
};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) ==
                  std::tolower(static_cast<unsigned char>(y));
         });
}

uint64_t content_length(std::string_view head) {
  constexpr std::string_view kName = "content-length:";
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    std::string_view line = head.substr(0, end);
    if (line.size() > kName.size() && equal_ignoring_case(line.substr(0, kName.size()), kName)) {
      line.remove_prefix(kName.size());
      while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
      uint64_t value = 0;
      std::from_chars(line.data(), line.data() + line.size(), value);
      return value;
    }
    if (end == std::string_view::npos) break;
    head.remove_prefix(end + 2);
  }
  return 0;
}
}  // namespace

StreamsByClient reassemble(const std::vector<TapPacket>& packets, const wire::Endpoint& service) {
  std::map<wire::Endpoint, std::vector<Assembly>> open;
  for (const TapPacket& raw : packets) {
    const auto parsed = wire::parse_ip_packet(raw.bytes);
    if (!parsed || parsed->header.dst != service) continue;
    const auto& h = parsed->header;
    auto& connections = open[h.src];
    if (h.has(wire::tcp_flag::kSyn)) {
      if (!connections.empty() && connections.back().zero == h.seq + 1) continue;  // sent again
      Assembly fresh;
      fresh.stream.client = h.src;
      fresh.zero = h.seq + 1;
      connections.push_back(std::move(fresh));
      continue;
    }
    if (connections.empty()) continue;  // a reset of something older than the tap
    Assembly& a = connections.back();
    if (h.has(wire::tcp_flag::kAck) && !h.has(wire::tcp_flag::kRst)) {
      if (!a.answer_known) a.answer_zero = h.ack;
      a.answer_known = true;
      a.acked = std::max(a.acked, wire::unwrap(h.ack, a.answer_zero, a.acked));
    }
    const int64_t offset = wire::unwrap(h.seq, a.zero, static_cast<int64_t>(a.stream.bytes.size()));
    if (offset >= 0 && !parsed->payload.empty()) {
      a.take(static_cast<uint64_t>(offset),
             {reinterpret_cast<const char*>(parsed->payload.data()), parsed->payload.size()},
             {0, a.acked, raw.time_ns});
    }
    if (h.has(wire::tcp_flag::kFin) && a.stream.close == CloseKind::open)
      a.stream.close = CloseKind::fin;
    if (h.has(wire::tcp_flag::kRst) && a.stream.close == CloseKind::open)
      a.stream.close = CloseKind::rst;
  }
  StreamsByClient out;
  for (auto& [client, connections] : open) {
    for (Assembly& a : connections) {
      for (const auto& [offset, held] : a.later) a.stream.beyond_hole += held.first.size();
      out[client].push_back(std::move(a.stream));
    }
  }
  return out;
}

uint64_t count_requests(const std::string& stream) {
  std::string_view rest = stream;
  uint64_t requests = 0;
  for (;;) {
    const auto end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) return requests;
    const uint64_t whole = end + 4 + content_length(rest.substr(0, end));
    if (rest.size() < whole) return requests;
    ++requests;
    rest.remove_prefix(whole);
  }
}

}  // namespace mirrorlab::verify
