#include "sim/scenario.h"

#include <algorithm>
#include <array>

#include "sim/random.h"

namespace mirrorlab::sim {

namespace {
template <typename... F>
constexpr Features of(F... f) {
  return (bit(f) | ... | Features{0});
}
using enum Feature;

constexpr Features kAll = (Features{1} << static_cast<unsigned>(count_)) - 1;
constexpr Features kHosts =
    of(tiny_windows, slow_readers, wrap, super_packets, small_mtu, odd_options, keepalive);
constexpr Features kApplications =
    of(reuse, half_close, aborts, pipelining, server_first, interim_answers, byte_writes, uploads);
constexpr Features kEngine = of(ack_client, pace_none);
constexpr Features kPlain = kHosts | kApplications | kEngine;
constexpr Features kRepairable = of(client_loss, test_loss, reply_loss, reorder, duplicates,
                                    header_loss, link_breaks, intercept_restarts, slow_path);

constexpr auto kScenarios = std::to_array<Scenario>({
    {"mixed", "anything together with anything", 0, kAll, 15},
    {"clean", "no trouble at all", 0, kPlain, 20},
    {"loss", "packets lost on every path; all of it can be repaired", of(test_loss, reply_loss),
     kPlain | kRepairable, 20},
    {"disorder", "packets late and twice", of(reorder, duplicates), kPlain | kRepairable, 20},
    {"headers", "header records lost, the header return broken, intercept restarted",
     of(header_loss, link_breaks, intercept_restarts), kPlain | kRepairable, 15},
    {"capture-loss", "packets the engine never saw", of(capture_loss), kPlain | kRepairable, 15},
    {"restarts", "the engine starts late or anew", 0,
     kPlain | kRepairable | of(engine_restarts, midstream), 35},
    {"reuse", "Connection: close on the same 4-tuple within milliseconds", of(reuse),
     kPlain | kRepairable | of(test_closes_first), 15},
    {"windows", "tiny windows, slow readers, long uploads", of(tiny_windows), kPlain | kRepairable,
     25},
    {"answers", "answers that differ, never come, or end in a close at the test host",
     of(answers_differ), kPlain | kRepairable | of(answers_missing, test_closes_first), 20},
    {"limits", "small limits, so that the engine must let go", of(limits),
     kPlain | kRepairable | of(capture_loss), 15},
});
}  // namespace

std::string describe(Features features) {
  static constexpr const char* kNames[] = {"client-loss",
                                           "test-loss",
                                           "reply-loss",
                                           "reorder",
                                           "duplicates",
                                           "capture-loss",
                                           "header-loss",
                                           "link-breaks",
                                           "intercept-restarts",
                                           "engine-restarts",
                                           "midstream",
                                           "limits",
                                           "slow-path",
                                           "tiny-windows",
                                           "slow-readers",
                                           "wrap",
                                           "super-packets",
                                           "small-mtu",
                                           "odd-options",
                                           "keepalive",
                                           "reuse",
                                           "answers-differ",
                                           "answers-missing",
                                           "test-closes-first",
                                           "half-close",
                                           "aborts",
                                           "pipelining",
                                           "server-first",
                                           "interim-answers",
                                           "byte-writes",
                                           "uploads",
                                           "ack-client",
                                           "pace-none"};
  static_assert(std::size(kNames) == static_cast<size_t>(count_));
  std::string text;
  for (unsigned i = 0; i < static_cast<unsigned>(count_); ++i) {
    if (!has(features, static_cast<Feature>(i))) continue;
    if (!text.empty()) text += ' ';
    text += kNames[i];
  }
  return text;
}

std::span<const Scenario> scenarios() { return kScenarios; }

const Scenario* find_scenario(std::string_view name) {
  const auto found = std::ranges::find(kScenarios, name, &Scenario::name);
  return found == kScenarios.end() ? nullptr : &*found;
}

Features choose_features(const Scenario& scenario, uint64_t seed) {
  Random random(mix(seed, 0xfea7));
  Features chosen = scenario.always;
  for (unsigned i = 0; i < static_cast<unsigned>(count_); ++i) {
    const auto f = static_cast<Feature>(i);
    if (random.chance(scenario.percent) && has(scenario.maybe, f)) chosen |= bit(f);
  }
  return chosen;
}

}  // namespace mirrorlab::sim
