#include "harness/verify/verify.h"

#include <algorithm>

#include "wire/packet.h"

namespace mirrorlab::verify {

namespace {
struct Totals {
  uint64_t sessions = 0, requests = 0, bytes = 0;
};

Totals total(const StreamsByClient& all) {
  Totals t;
  for (const auto& [client, streams] : all) {
    for (const auto& s : streams) {
      ++t.sessions;
      t.requests += count_requests(s.bytes);
      t.bytes += s.bytes.size();
    }
  }
  return t;
}

// Turns that reached the test host before the answers they depended on: where online the client had
// acked more answer bytes before a piece of its stream than the mirrored client had.
uint64_t turn_violations(const ClientStream& online, const ClientStream& test) {
  uint64_t violations = 0;
  int64_t before = -1;
  for (const Arrival& turn : online.arrivals) {
    const bool begins = turn.acked > before;
    before = std::max(before, turn.acked);
    if (!begins || turn.acked == 0) continue;
    const auto at = std::ranges::find_if(test.arrivals,
                                         [&](const Arrival& a) { return a.offset >= turn.offset; });
    if (at != test.arrivals.end() && at->offset == turn.offset && at->acked < turn.acked)
      ++violations;
  }
  return violations;
}

struct Comparison {
  uint64_t exact = 0, partial = 0, missing = 0, extra = 0, mismatched = 0, violations = 0,
           closes = 0;
  uint64_t requests_mirrored = 0;
  std::vector<Lost> lost;
  std::string first_problem;
};

void note(Comparison& c, const ClientStream& s, const std::string& what) {
  if (c.first_problem.empty()) c.first_problem = s.client.to_string() + ": " + what;
}

// The reason the engine gives for a client's loss, when it gives one.
std::string reason_of(const Evidence& e, const wire::Endpoint& client) {
  for (const auto& entry : e.session_log) {
    if (entry.value("client", "") == client.to_string() &&
        entry.value("reason", "none") != "none") {
      return entry.value("reason", "none");
    }
  }
  return "unexplained";
}

void add_lost(Comparison& c, const std::string& reason, const std::string& hop, uint64_t bytes) {
  for (Lost& l : c.lost) {
    if (l.reason != reason || l.hop != hop) continue;
    ++l.sessions;
    l.bytes += bytes;
    return;
  }
  c.lost.push_back({reason, hop, 1, bytes});
}

// Bytes of a session that was mirrored over several connections: they follow each other.
ClientStream joined(const std::vector<ClientStream>& parts, size_t from, size_t to) {
  ClientStream all = parts[from];
  for (size_t i = from + 1; i < to; ++i) {
    all.bytes += parts[i].bytes;
    all.close = parts[i].close;
  }
  return all;
}

void compare_client(const Evidence& e, Comparison& c, const std::vector<ClientStream>& online,
                    const std::vector<ClientStream>& test) {
  for (size_t i = 0; i < online.size(); ++i) {
    const ClientStream& o = online[i];
    if (i >= test.size()) {
      ++c.missing;
      add_lost(c, reason_of(e, o.client), "online>test", o.bytes.size());
      note(c, o, "no mirrored connection");
      continue;
    }
    const bool last = i + 1 == online.size();
    const ClientStream t =
        last && test.size() > online.size() && test[i].bytes.size() < o.bytes.size()
            ? joined(test, i, test.size())
            : test[i];
    c.violations += turn_violations(o, t);
    c.requests_mirrored += std::min(count_requests(t.bytes), count_requests(o.bytes));
    if (o.close != t.close) ++c.closes;
    if (o.bytes == t.bytes && t.beyond_hole == 0) {
      ++c.exact;
      continue;
    }
    const bool prefix =
        o.bytes.compare(0, t.bytes.size(), t.bytes) == 0 && t.bytes.size() < o.bytes.size();
    if (prefix) {
      ++c.partial;
      note(c, o,
           "only " + std::to_string(t.bytes.size()) + " of " + std::to_string(o.bytes.size()) +
               " stream bytes reached the test host");
    } else {
      ++c.mismatched;
      const auto differs = std::ranges::mismatch(o.bytes, t.bytes).in1 - o.bytes.begin();
      note(c, o, "streams differ at byte " + std::to_string(differs));
    }
    const uint64_t gone = o.bytes.size() > t.bytes.size() ? o.bytes.size() - t.bytes.size() : 0;
    add_lost(c, reason_of(e, o.client), "online>test", gone);
  }
  const bool reopened = !online.empty() && test.size() > online.size() &&
                        test[online.size() - 1].bytes.size() < online.back().bytes.size();
  if (test.size() > online.size() && !reopened) {
    c.extra += test.size() - online.size();
    note(c, test.back(), "a mirrored connection without an online one");
  }
}

uint64_t count_leaks(const std::vector<TapPacket>& packets, const wire::Endpoint& test_service) {
  return static_cast<uint64_t>(std::ranges::count_if(packets, [&](const TapPacket& raw) {
    const auto p = wire::parse_ip_packet(raw.bytes);
    return p && p->header.src == test_service;
  }));
}

std::string check_account(const Evidence& e, const Totals& online, const Comparison& c,
                          uint64_t test_bytes) {
  if (!e.copy.contains("account")) return "the copy engine wrote no account";
  const auto& a = e.copy["account"];
  if (!a.value("balances", false)) return "the copy engine's account does not balance";
  const auto sessions = a.value("sessions_captured", uint64_t{0});
  const auto mirrored = a.value("sessions_mirrored", uint64_t{0});
  const auto bytes = a.value("bytes_mirrored", uint64_t{0});
  if (sessions != online.sessions) {
    return "the engine counts " + std::to_string(sessions) + " sessions, the tap " +
           std::to_string(online.sessions);
  }
  if (mirrored > c.exact) {
    return "the engine claims " + std::to_string(mirrored) + " exact sessions, the taps show " +
           std::to_string(c.exact);
  }
  if (bytes > test_bytes) {
    return "the engine claims " + std::to_string(bytes) + " mirrored bytes, the tap saw " +
           std::to_string(test_bytes);
  }
  return {};
}
}  // namespace

Report verify(const Evidence& e) {
  const auto online = reassemble(e.online, e.online_service);
  const auto test = reassemble(e.test, e.test_service);
  const Totals on = total(online);
  const Totals at = total(test);
  Comparison c;
  static const std::vector<ClientStream> kNone;
  for (const auto& [client, streams] : online) {
    const auto twin = test.find(client);
    compare_client(e, c, streams, twin != test.end() ? twin->second : kNone);
  }
  for (const auto& [client, streams] : test) {
    if (online.contains(client)) continue;
    c.extra += streams.size();
    note(c, streams.front(), "a mirrored connection without an online one");
  }
  const uint64_t leaks =
      count_leaks(e.clients, e.test_service) + count_leaks(e.online, e.test_service);
  uint64_t unexplained = 0;
  for (const Lost& l : c.lost) unexplained += l.reason == "unexplained" ? l.sessions : 0;

  Report r;
  r.lost = c.lost;
  const auto set = [&](const std::string& name, uint64_t v) {
    r.metrics[name] = static_cast<double>(v);
  };
  set("online.sessions", on.sessions);
  set("test.sessions", at.sessions);
  set("sessions.exact", c.exact);
  set("sessions.partial", c.partial);
  set("sessions.missing", c.missing);
  set("sessions.extra", c.extra);
  set("streams.mismatched", c.mismatched);
  set("online.requests", on.requests);
  set("test.requests", at.requests);
  set("requests.mirrored", c.requests_mirrored);
  set("online.bytes", on.bytes);
  set("test.bytes", at.bytes);
  set("turns.violations", c.violations);
  set("closes.differing", c.closes);
  set("leaked_packets", leaks);
  set("lost.unexplained", unexplained);
  const std::string account = check_account(e, on, c, at.bytes);
  const bool whole = c.exact == on.sessions && on.sessions > 0;
  r.checks = {
      {"complete", c.missing == 0 && on.sessions > 0,
       c.missing == 0 ? "" : std::to_string(c.missing) + " sessions missing; " + c.first_problem},
      {"exact", c.partial + c.mismatched == 0, whole ? "" : c.first_problem},
      {"order", c.violations == 0, std::to_string(c.violations) + " turns before their answer"},
      {"no_extra", c.extra == 0, c.extra == 0 ? "" : c.first_problem},
      {"isolated", leaks == 0,
       std::to_string(leaks) + " replies of the test host on the clients' side"},
      {"explained", unexplained == 0,
       std::to_string(unexplained) + " sessions lost without a reason"},
      {"engine_account", account.empty(), account},
  };
  if (e.tap_drops > 0) {
    r.inconclusive =
        "the taps lost " + std::to_string(e.tap_drops) + " packets: the box was too slow";
  }
  return r;
}

}  // namespace mirrorlab::verify
