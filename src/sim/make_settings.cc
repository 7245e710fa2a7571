// Hosts, paths, trouble and the engine's configuration by seed.
#include <algorithm>

#include "sim/settings.h"

namespace mirrorlab::sim {

namespace {
using enum Feature;

TcpSettings make_tcp(Random& r, Features f) {
  TcpSettings t;
  t.timestamp_base = static_cast<uint32_t>(r.next());
  t.delayed_ack = r.chance(20) ? 0 : r.between(5, 40) * kMillisecond;
  t.nagle = r.chance(15);
  t.window_scale = static_cast<int8_t>(r.between(0, 9));
  t.receive_buffer = static_cast<uint32_t>(r.between(32, 256)) * 1024;
  t.rto_min = r.chance(80) ? 200 * kMillisecond : kSecond;
  if (has(f, odd_options)) {
    t.sack = r.chance(50);
    t.timestamps = r.chance(50);
    if (r.chance(50)) t.window_scale = -1;
    if (r.chance(50)) t.mss = static_cast<uint16_t>(r.chance(20) ? 0 : r.between(200, 9000));
  }
  if (t.window_scale < 0) t.receive_buffer = std::min<uint32_t>(t.receive_buffer, 65535);
  if (has(f, tiny_windows)) {
    t.receive_buffer = static_cast<uint32_t>(r.skewed(300, 8000));
    t.window_scale = std::min<int8_t>(t.window_scale, 2);
  }
  if (has(f, super_packets)) t.super_packet = static_cast<uint8_t>(r.between(2, 44));
  if (has(f, keepalive) && r.chance(50)) {
    t.keepalive = r.between(5, 400) * kMillisecond;
    // Why: what was never captured could not be told from a probe's garbage by anyone.
    constexpr Features kMissing =
        bit(capture_loss) | bit(midstream) | bit(engine_restarts) | bit(limits);
    t.keepalive_with_data = r.chance(50) && (f & kMissing) == 0;
  }
  t.probe_with_data = r.chance(30);
  t.time_wait = r.chance(70) ? kSecond : r.skewed(kMillisecond, 60 * kSecond);
  return t;
}

Rates make_rates(Random& r, Features f, Feature loss) {
  Rates rates;
  if (has(f, loss)) {
    rates.loss = static_cast<double>(r.skewed(50, 1500)) / 100;
    if (r.chance(25)) {
      rates.burst = static_cast<uint32_t>(r.between(2, 6));
      rates.loss /= rates.burst;
    }
    if (r.chance(30)) rates.corruption = static_cast<double>(r.between(1, 200)) / 100;
  }
  return rates;
}

void add_disorder(Random& r, Features f, PathSettings& path) {
  if (has(f, reorder)) {
    path.rates.delay = static_cast<double>(r.skewed(50, 1500)) / 100;
    path.late_by = r.skewed(100 * kMicrosecond, 30 * kMillisecond);
  }
  if (has(f, duplicates)) path.rates.duplicate = static_cast<double>(r.skewed(50, 1000)) / 100;
}

void make_paths(Random& r, Settings& s) {
  const Features f = s.features;
  const auto path = [&](Hop hop) -> PathSettings& { return s.paths[static_cast<size_t>(hop)]; };
  for (size_t i = 0; i < static_cast<size_t>(Hop::count_); ++i) {
    s.paths[i].delay = r.skewed(20 * kMicrosecond, 20 * kMillisecond);
    if (r.chance(50)) s.paths[i].jitter = r.skewed(0, 2 * kMillisecond);
  }
  path(Hop::capture).delay = r.skewed(0, kMillisecond);
  path(Hop::client_to_online).rates = make_rates(r, f, client_loss);
  path(Hop::online_to_client).rates = make_rates(r, f, client_loss);
  path(Hop::engine_to_test).rates = make_rates(r, f, test_loss);
  path(Hop::test_to_intercept).rates = make_rates(r, f, reply_loss);
  path(Hop::capture).rates = make_rates(r, f, capture_loss);
  path(Hop::header_return).rates = make_rates(r, f, header_loss);
  path(Hop::header_return).rates.corruption = path(Hop::capture).rates.corruption = 0;
  if (has(f, capture_loss) && r.chance(30)) path(Hop::capture).rates.truncation = 0.5;
  add_disorder(r, f, path(Hop::client_to_online));
  add_disorder(r, f, path(Hop::online_to_client));
  add_disorder(r, f, path(Hop::engine_to_test));
  add_disorder(r, f, path(Hop::test_to_intercept));
  if (has(f, slow_path)) {
    path(Hop::engine_to_test).bytes_per_second =
        static_cast<uint64_t>(r.skewed(100'000, 5'000'000));
    path(Hop::engine_to_test).queue = r.between(20, 200) * kMillisecond;
  }
}

void make_core(Random& r, Settings& s) {
  engine::Config& c = s.core;
  c.mappings.push_back({s.online, s.test});
  if (r.chance(30)) {
    c.mappings[0].online.address = s.online.address.is_v4() ? wire::IpAddress() : s.online.address;
  }
  // Why: a path that loses six SYNs in a row must not end what the seed calls repairable.
  c.handshake_timeout = c.refused_timeout = 600 * engine::kSecond;
  c.idle_timeout = 100'000 * engine::kSecond;
  if (has(s.features, ack_client)) c.ack = engine::AckPolicy::client;
  if (has(s.features, pace_none)) c.pace = engine::Pace::none;
  if (has(s.features, small_mtu)) c.mtu = static_cast<uint16_t>(r.between(576, 1400));
  if (r.chance(10)) c.mtu = 9000;
  if (has(s.features, limits)) {
    if (r.chance(60)) c.max_session_bytes = static_cast<uint64_t>(r.skewed(2'000, 60'000));
    if (r.chance(40)) c.max_total_bytes = static_cast<uint64_t>(r.skewed(20'000, 200'000));
    if (r.chance(40)) c.max_sessions = static_cast<uint32_t>(r.between(1, 4));
  }
}

void make_timed_faults(Random& r, Settings& s) {
  const auto add = [&](FaultKind kind, int64_t most, Nanos lasts) {
    const auto count = r.between(1, most);
    for (int64_t i = 0; i < count; ++i) {
      TimedFault t;
      t.at = r.skewed(kMillisecond, 2 * kSecond);
      t.lasts = r.skewed(kMillisecond, lasts);
      t.fault.kind = kind;
      t.fault.ordinal = static_cast<uint32_t>(s.timed.size());
      s.timed.push_back(t);
    }
  };
  const Features f = s.features;
  if (has(f, link_breaks)) add(FaultKind::link_break, 4, 800 * kMillisecond);
  if (has(f, intercept_restarts)) add(FaultKind::intercept_restart, 2, 800 * kMillisecond);
  if (has(f, engine_restarts)) {
    add(r.chance(50) ? FaultKind::engine_restart : FaultKind::engine_stop_and_start, 2,
        300 * kMillisecond);
  }
}

void make_slots(Random& r, Settings& s) {
  const bool v6 = !s.online.address.is_v4();
  const auto count = r.skewed(1, 5);
  for (int64_t i = 0; i < count; ++i) {
    SlotSettings slot;
    const auto host = r.between(1, 200);
    const std::string address =
        v6 ? "fd00:1::" + std::to_string(host) : "10.1.0." + std::to_string(host);
    slot.client = {*wire::IpAddress::parse(address), static_cast<uint16_t>(20'000 + i)};
    slot.tcp = make_tcp(r, s.features);
    if (has(s.features, reuse)) slot.tcp.time_wait = r.skewed(0, 5 * kMillisecond);
    slot.first_isn = static_cast<uint32_t>(r.next());
    if (has(s.features, wrap)) slot.first_isn = static_cast<uint32_t>(-r.skewed(0, 5000));
    const auto connections = has(s.features, reuse) ? r.between(2, 7) : r.skewed(1, 2);
    for (int64_t k = 0; k < connections; ++k) {
      slot.conversations.push_back(make_conversation(r, s.features));
    }
    slot.conversations.front().start_after = r.skewed(0, 50 * kMillisecond);
    s.slots.push_back(std::move(slot));
  }
}
}  // namespace

Settings make_settings(uint64_t seed, const Scenario& scenario) {
  Settings s;
  s.seed = mix(seed, 0x5eed);
  s.features = choose_features(scenario, seed);
  Random r(s.seed);
  const bool v6 = r.chance(35);
  s.online = {*wire::IpAddress::parse(v6 ? "fd00:2::1" : "10.2.0.1"), 80};
  s.test = {*wire::IpAddress::parse(v6 ? "fd00:3::1" : "10.3.0.1"),
            static_cast<uint16_t>(r.chance(50) ? 80 : 8080)};
  s.online_tcp = make_tcp(r, s.features);
  s.test_tcp = make_tcp(r, s.features);
  if (has(s.features, tiny_windows) && r.chance(40)) {
    s.test_tcp.takes_half = static_cast<uint8_t>(r.between(1, 40));
  }
  make_slots(r, s);
  make_paths(r, s);
  make_core(r, s);
  if (r.chance(50)) s.engine_batch = r.skewed(0, kMillisecond);
  if (has(s.features, midstream)) s.engine_starts = r.skewed(kMillisecond, 400 * kMillisecond);
  s.link_reconnect = r.skewed(kMillisecond, 200 * kMillisecond);
  make_timed_faults(r, s);
  if (r.chance(50)) s.engine_segments = static_cast<uint64_t>(r.skewed(1, 64));
  return s;
}

}  // namespace mirrorlab::sim
