#include "harness/verify/mirror.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace mirrorlab::verify {

namespace {
uint64_t key_of(const wire::Endpoint& client, wire::Seq zero) {
  return hash_value(client) ^ (uint64_t{zero.raw()} * 0x9e3779b97f4a7c15ULL);
}

// Online connections by client and first sequence number; a hash that meets another is compared.
class OnlineIndex {
 public:
  explicit OnlineIndex(const Connections& online) : online_(online) {
    for (uint32_t i = 0; i < online.all.size(); ++i) {
      by_zero_.emplace(key_of(online.all[i].client, online.all[i].zero), i);
    }
  }
  struct Found {
    uint32_t connection;
    int64_t start;
  };
  [[nodiscard]] std::optional<Found> find(const Connection& twin) const {
    const auto [from, to] = by_zero_.equal_range(key_of(twin.client, twin.zero));
    std::optional<Found> best;
    for (auto i = from; i != to; ++i) {
      const Connection& c = online_.all[i->second];
      if (c.client != twin.client || c.zero != twin.zero) continue;
      // The latest that had begun; two with the same number are told apart by time.
      if (!best ||
          (c.first_ns <= twin.first_ns && c.first_ns >= online_.all[best->connection].first_ns)) {
        best = Found{i->second, 0};
      }
    }
    if (best) return best;
    const auto same_client = online_.by_client.find(twin.client);
    if (same_client == online_.by_client.end()) return std::nullopt;
    const auto& all = same_client->second;
    for (auto i = all.rbegin(); i != all.rend(); ++i) {
      const Connection& c = online_.all[*i];
      const int64_t start = twin.zero.since(c.zero);
      if (start >= 0 && start <= c.length + static_cast<int64_t>(c.bytes_beyond_hole()) + 1) {
        return Found{*i, start};
      }
    }
    return std::nullopt;
  }

 private:
  const Connections& online_;
  std::unordered_multimap<uint64_t, uint32_t> by_zero_;
};

// The first online offset at which the twin's bytes are not the client's; -1: none.
int64_t first_difference(const Connection& online, const Connection& twin, int64_t start) {
  size_t o = 0;
  if (const Piece* first = online.at(start)) o = static_cast<size_t>(first - online.pieces.data());
  for (const Piece& piece : twin.pieces) {
    int64_t offset = start + piece.offset;
    const int64_t end = start + piece.end();
    while (offset < end) {
      while (o < online.pieces.size() && online.pieces[o].end() <= offset) ++o;
      if (o == online.pieces.size()) return online.beyond_hole.empty() ? offset : -1;
      const Piece& held = online.pieces[o];
      const auto run = static_cast<size_t>(std::min(held.end(), end) - offset);
      const uint8_t* a = held.data + (offset - held.offset);
      const uint8_t* b = piece.data + (offset - start - piece.offset);
      if (std::memcmp(a, b, run) != 0) {
        return offset + (std::mismatch(a, a + run, b).first - a);
      }
      offset += static_cast<int64_t>(run);
    }
  }
  return -1;
}

void judge(Session& s, const Connection& online, const Connections& test) {
  std::vector<Interval> carried;
  for (const Twin& twin : s.twins) {
    const Connection& t = test.all[twin.connection];
    if (const int64_t at = first_difference(online, t, twin.start); at >= 0 && s.differs_at < 0) {
      s.differs_at = at;
    }
    if (t.conflicting_bytes > 0 && s.differs_at < 0) s.differs_at = twin.start;
    if (t.length > 0) {
      carried.push_back({twin.start, std::min(twin.start + t.length, online.length)});
    }
  }
  std::ranges::sort(carried, {}, &Interval::begin);
  int64_t at = 0;
  for (const Interval& i : carried) {
    if (i.end <= i.begin) continue;
    if (i.begin > at) s.lost.push_back({at, i.begin});
    s.repeated_bytes += static_cast<uint64_t>(std::max<int64_t>(std::min(at, i.end) - i.begin, 0));
    s.covered_bytes += static_cast<uint64_t>(std::max<int64_t>(i.end - std::max(at, i.begin), 0));
    at = std::max(at, i.end);
  }
  if (at < online.length) s.lost.push_back({at, online.length});
  for (const Interval& i : s.lost) s.lost_bytes += static_cast<uint64_t>(i.end - i.begin);
  if (s.differs_at >= 0) {
    s.fate = Fate::mismatched;
    s.problem = "the stream differs at byte " + std::to_string(s.differs_at);
  } else if (s.repeated_bytes > 0) {
    s.fate = Fate::mismatched;
    s.problem = std::to_string(s.repeated_bytes) + " bytes reached the test service twice";
  } else if (s.twins.empty() || (s.covered_bytes == 0 && online.length > 0)) {
    s.fate = Fate::missing;
    s.problem = s.twins.empty() ? "no mirrored connection" : "no byte reached the test host";
  } else if (s.lost_bytes > 0) {
    s.fate = Fate::partial;
    s.problem = "only " + std::to_string(s.covered_bytes) + " of " + std::to_string(online.length) +
                " stream bytes reached the test host, lost from byte " +
                std::to_string(s.lost.front().begin);
  } else {
    s.fate = Fate::exact;
  }
}
}  // namespace

const char* to_string(Fate fate) {
  switch (fate) {
    case Fate::exact:
      return "exact";
    case Fate::partial:
      return "partial";
    case Fate::missing:
      return "missing";
    case Fate::mismatched:
      break;
  }
  return "mismatched";
}

Mirror match(const Connections& online, const Connections& test) {
  Mirror mirror;
  mirror.sessions.resize(online.all.size());
  for (uint32_t i = 0; i < online.all.size(); ++i) mirror.sessions[i].online = i;
  const OnlineIndex index(online);
  for (uint32_t i = 0; i < test.all.size(); ++i) {
    if (const auto found = index.find(test.all[i])) {
      mirror.sessions[found->connection].twins.push_back({i, found->start});
    } else {
      mirror.extra.push_back(i);
    }
  }
  for (Session& s : mirror.sessions) judge(s, online.all[s.online], test);
  return mirror;
}

}  // namespace mirrorlab::verify
