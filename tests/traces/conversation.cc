#include "traces/conversation.h"

#include <algorithm>

namespace mirrorlab::testing {

namespace {
using namespace wire::tcp_flag;
using Pair = std::pair<wire::Endpoint, wire::Endpoint>;

// Who opened it: the sender of a SYN, else the one without the lower port.
bool first_is_client(const CaptureFile& file, const Pair& ends) {
  for (const auto& packet : file.packets) {
    const auto p = wire::parse_ip_packet(packet.ip);
    if (!p || !p->header.has(kSyn)) continue;
    if (Pair(std::minmax(p->header.src, p->header.dst)) != ends) continue;
    return (p->header.src == ends.first) != p->header.has(kAck);
  }
  return ends.first.port > ends.second.port;
}

void add_to_stream(Conversation& c, const wire::TcpPacket& p) {
  const auto& h = p.header;
  if (h.has(kRst) || p.truncated()) return;
  const bool syn = h.has(kSyn);
  const wire::Seq first = syn ? h.seq + 1 : h.seq;
  if (c.streams.empty() || (syn && (!c.streams.back().whole || c.streams.back().zero != first))) {
    c.streams.push_back({first, syn, {}});
  }
  auto& stream = c.streams.back();
  const int64_t near = stream.bytes.empty() ? 0 : stream.bytes.rbegin()->first;
  const int64_t offset = wire::unwrap(first, stream.zero, near);
  for (size_t i = 0; i < p.payload.size(); ++i) {
    stream.bytes.try_emplace(offset + static_cast<int64_t>(i), p.payload[i]);
  }
}

void add_answer(Conversation& c, const wire::TcpPacket& p, wire::Seq& sent_end, bool& seen) {
  const auto& h = p.header;
  if (h.has(kSyn)) {
    sent_end = h.seq + 1;
    seen = true;
    return;
  }
  if (!h.has(kAck) && !h.has(kRst)) return;
  const wire::Seq end = h.seq + p.payload_length + (h.has(kFin) ? 1U : 0U);
  const bool news = !seen || end.after(sent_end);
  if (!news && !h.has(kRst)) return;
  Answer a;
  a.after = h.ack;
  // Only what was not sent before; a hole in the capture counts as sent.
  const auto gained = seen ? end.since(sent_end) : end.since(h.seq);
  a.fin = h.has(kFin);
  a.bytes = static_cast<uint32_t>(std::max(0, gained - (a.fin ? 1 : 0)));
  a.rst = h.has(kRst);
  c.answers.push_back(a);
  if (news) sent_end = end;
  seen = true;
}
}  // namespace

Conversations conversations_of(const CaptureFile& file) {
  Conversations out;
  struct State {
    size_t index = 0;
    wire::Seq sent_end;
    bool seen = false;
  };
  std::map<Pair, State> known;
  for (size_t i = 0; i < file.packets.size(); ++i) {
    const auto p = wire::parse_ip_packet(file.packets[i].ip);
    if (!p) {
      using enum wire::ParseError;
      ++(p.error() == not_tcp ? out.no_tcp : p.error() == fragment ? out.fragments : out.malformed);
      continue;
    }
    const Pair ends = std::minmax(p->header.src, p->header.dst);
    const auto [entry, fresh] = known.try_emplace(ends);
    if (fresh) {
      entry->second.index = out.all.size();
      out.all.emplace_back();
      const bool first = first_is_client(file, ends);
      out.all.back().client = first ? ends.first : ends.second;
      out.all.back().online = first ? ends.second : ends.first;
    }
    Conversation& c = out.all[entry->second.index];
    if (p->header.src == c.client) {
      c.from_client.push_back({file.packets[i].time_ns, i});
      add_to_stream(c, *p);
    } else {
      add_answer(c, *p, entry->second.sent_end, entry->second.seen);
    }
  }
  return out;
}

}  // namespace mirrorlab::testing
