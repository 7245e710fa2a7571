#include "harness/verify/sums.h"

#include <algorithm>
#include <cmath>

namespace mirrorlab::verify {

namespace {
void add_events(const Connections& all, std::vector<std::pair<int64_t, int>>& events) {
  for (const Connection& c : all.all) {
    events.emplace_back(c.first_ns, 1);
    events.emplace_back(c.close == CloseKind::open ? c.last_ns + 1 : c.close_ns, -1);
  }
}

// Requests of which no byte was lost.
uint64_t whole_requests(const std::vector<int64_t>& ends, const std::vector<Interval>& lost) {
  uint64_t whole = 0;
  int64_t begin = 0;
  size_t hole = 0;
  for (const int64_t end : ends) {
    while (hole < lost.size() && lost[hole].end <= begin) ++hole;
    if (hole == lost.size() || lost[hole].begin >= end) ++whole;
    begin = end;
  }
  return whole;
}

const char* word(CloseKind kind) {
  return kind == CloseKind::fin ? "FIN" : kind == CloseKind::rst ? "RST" : "no close";
}

void compare_close(const Connection& o, const Connection& t, Sums& s) {
  // A client that was still connected when the run ended says nothing about closing.
  if (o.close == CloseKind::open || o.close == t.close) return;
  ++s.closes_differing;
  if (s.first_close.empty()) {
    s.first_close = o.client.to_string() + ": " + word(o.close) + " online, " + word(t.close) +
                    " at the test host";
  }
}
}  // namespace

double percentile(std::vector<float>& samples, double fraction) {
  if (samples.empty()) return 0;
  const auto at =
      static_cast<size_t>(std::ceil(fraction * static_cast<double>(samples.size()))) - 1;
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(at);
  std::ranges::nth_element(samples, middle);
  return static_cast<double>(*middle);
}

uint64_t Sums::peak(Events& events) {
  std::ranges::sort(events);
  int64_t open = 0;
  int64_t most = 0;
  for (const auto& [time, change] : events) most = std::max(most, open += change);
  return static_cast<uint64_t>(most);
}

void Sums::add(const MirroredService& service, const Connections& online, const Connections& test,
               const Mirror& mirror) {
  Sums& s = *this;
  for (const Session& session : mirror.sessions) {
    const Connection& o = online.all[session.online];
    ++s.online_sessions;
    s.online_whole += o.whole ? 1 : 0;
    s.online_bytes += static_cast<uint64_t>(o.length);
    s.online_beyond_holes += o.bytes_beyond_hole();
    s.online_retransmitted += o.retransmitted_bytes;
    const auto ends = request_ends(o, service.protocol);
    s.online_requests += ends.size();
    s.covered_bytes += session.covered_bytes;
    s.repeated_bytes += session.repeated_bytes;
    if (session.fate != Fate::mismatched) s.requests_mirrored += whole_requests(ends, session.lost);
    s.reopened += session.twins.size() > 1 ? 1 : 0;
    s.exact += session.fate == Fate::exact ? 1 : 0;
    s.partial += session.fate == Fate::partial ? 1 : 0;
    s.missing += session.fate == Fate::missing ? 1 : 0;
    s.mismatched += session.fate == Fate::mismatched ? 1 : 0;
    if (session.fate == Fate::exact) {
      compare_close(o, test.all[session.twins.back().connection], s);
    }
  }
  for (const Connection& t : test.all) {
    ++s.test_sessions;
    s.test_bytes += static_cast<uint64_t>(t.length);
    s.test_requests += request_ends(t, service.protocol).size();
    s.test_retransmitted += t.retransmitted_bytes;
  }
  add_events(online, online_events_);
  add_events(test, test_events_);
}

}  // namespace mirrorlab::verify
