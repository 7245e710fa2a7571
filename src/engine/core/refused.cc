#include "engine/core/refused.h"

namespace mirrorlab::engine {

namespace {
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

// Farther ahead than any window: not this stream.
constexpr int64_t kPlausible = int64_t{1} << 30;

wire::Seq first_of(const wire::TcpPacket& p) {
  return p.header.has(kSyn) ? p.header.seq + 1 : p.header.seq;
}
}  // namespace

const RefusedConnections::Entry* RefusedConnections::find(uint64_t hash) const {
  if (sets_.empty()) return nullptr;
  for (const Entry& e : sets_[hash % kSets].entries) {
    if (e.reason != LossReason::none && e.hash == hash) return &e;
  }
  return nullptr;
}

RefusedConnections::Entry& RefusedConnections::take(uint64_t hash) {
  if (sets_.empty()) sets_.resize(kSets);
  Set& set = sets_[hash % kSets];
  Entry& e = set.entries[set.oldest];
  set.oldest = static_cast<uint8_t>((set.oldest + 1) % set.entries.size());
  e = Entry{};
  e.hash = hash;
  return e;
}

RefusedConnections::News RefusedConnections::note(uint64_t hash, const wire::TcpPacket& p,
                                                  LossReason reason) {
  News news;
  if (p.header.has(kRst)) return news;
  const wire::Seq first = first_of(p);
  auto* e = const_cast<Entry*>(find(hash));
  if (p.header.has(kSyn)) {
    // A late SYN of the connection before it is not another one.
    if (e != nullptr && e->has_older && e->older == first) return news;
    if (e == nullptr || !e->counted || e->zero != first) {
      const Entry before = e != nullptr ? *e : Entry{};
      if (e == nullptr) e = &take(hash);
      e->has_older = before.counted;
      e->older = before.zero;
      e->zero = e->next = first;
      e->counted = news.connection = true;
    }
  } else if (e == nullptr) {
    e = &take(hash);
    e->next = first;
  }
  e->reason = reason;
  // An ack alone may be behind a FIN, which is no byte.
  if (p.payload_length == 0 && !p.header.has(kFin)) return news;
  const int64_t more = wire::unwrap(first + p.payload_length, e->next, 0);
  if (more > 0 && more < kPlausible) {
    news.bytes = static_cast<uint64_t>(more);
    e->next = first + p.payload_length;
  }
  return news;
}

RefusedConnections::Place RefusedConnections::place_of(uint64_t hash,
                                                       const wire::TcpPacket& packet) const {
  const Entry* e = find(hash);
  if (e == nullptr) return Place::another;
  const wire::Seq first = first_of(packet);
  if (packet.header.has(kSyn) && !(e->counted && e->zero == first)) {
    return e->has_older && e->older == first ? Place::known : Place::another;
  }
  return e->next == first ? Place::next : Place::known;
}

RefusedConnections::Known RefusedConnections::forget(uint64_t hash) {
  auto* e = const_cast<Entry*>(find(hash));
  if (e == nullptr) return {};
  const Known known{e->counted, e->has_older, e->reason, e->zero, e->older};
  *e = Entry{};
  return known;
}

}  // namespace mirrorlab::engine
