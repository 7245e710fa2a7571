// Which kinds of behaviour and trouble a run may have. A scenario names what it always has and what
// it may have; the seed chooses the rest.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mirrorlab::sim {

enum class Feature : uint8_t {
  // Trouble.
  client_loss,  // client <-> online host
  test_loss,    // engine -> test host
  reply_loss,   // test host -> intercept
  reorder,
  duplicates,
  capture_loss,
  header_loss,  // records lost by overflow
  link_breaks,
  intercept_restarts,
  engine_restarts,
  midstream,  // the engine starts late
  limits,     // small S11 limits
  slow_path,  // a rate limit with a queue on the way to the test host
  // Hosts.
  tiny_windows,
  slow_readers,
  wrap,  // initial sequence numbers close to 2^32
  super_packets,
  small_mtu,
  odd_options,  // SACK, timestamps, window scale and MSS each on or off per side
  keepalive,
  // Applications.
  reuse,  // the same 4-tuple again within milliseconds
  answers_differ,
  answers_missing,
  test_closes_first,
  half_close,
  aborts,
  pipelining,
  server_first,
  interim_answers,
  byte_writes,
  uploads,
  // The engine's options.
  ack_client,
  pace_none,
  count_
};

using Features = uint64_t;
[[nodiscard]] constexpr Features bit(Feature f) { return Features{1} << static_cast<unsigned>(f); }
[[nodiscard]] constexpr bool has(Features set, Feature f) { return (set & bit(f)) != 0; }

struct Scenario {
  std::string_view name;
  std::string_view about;
  Features always;
  Features maybe;
  uint32_t percent;  // chance of each of `maybe`
};

[[nodiscard]] std::span<const Scenario> scenarios();
[[nodiscard]] const Scenario* find_scenario(std::string_view name);
// What seed `seed` of the scenario has.
[[nodiscard]] Features choose_features(const Scenario& scenario, uint64_t seed);
// Their names, separated by spaces.
[[nodiscard]] std::string describe(Features features);

}  // namespace mirrorlab::sim
