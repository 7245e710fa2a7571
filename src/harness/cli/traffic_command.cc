#include "harness/cli/traffic_command.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

namespace mirrorlab::cli {

namespace {
using scenario::StepKind;

nlohmann::json span(const scenario::Range<uint64_t>& range) { return {range.low, range.high}; }
nlohmann::json span(const scenario::Range<scenario::Duration>& range) {
  return {static_cast<uint64_t>(range.low.count()), static_cast<uint64_t>(range.high.count())};
}

nlohmann::json steps_json(const std::vector<scenario::Step>& steps) {
  static constexpr std::array kNames{"connect",    "send",  "expect", "expect-close", "think",
                                     "half-close", "close", "reset",  "repeat"};
  nlohmann::json all = nlohmann::json::array();
  for (const auto& step : steps) {
    nlohmann::json one{{"do", kNames[static_cast<size_t>(step.kind)]}};
    if (step.kind == StepKind::think) one["think_ns"] = span(step.think);
    if (!step.text.empty()) one["text"] = step.text;
    if (step.size.high > 0) one["size"] = span(step.size);
    if (step.kind == StepKind::repeat) {
      one["times"] = step.times;
      one["steps"] = steps_json(step.steps);
    }
    all.push_back(std::move(one));
  }
  return all;
}

void add_replay(nlohmann::json& o, const scenario::Replay& replay, const std::string& scenario) {
  o["capture"] = capture_path(replay.file, scenario);
  o["pause_percent"] =
      replay.speed > 0 ? static_cast<uint64_t>(std::llround(100 / replay.speed)) : uint64_t{0};
  o["longest_pause_ns"] = static_cast<uint64_t>(replay.longest_pause.count());
}
}  // namespace

std::string capture_path(const std::string& file, const std::string& scenario) {
  return std::filesystem::absolute(std::filesystem::path(scenario).parent_path() / file)
      .lexically_normal()
      .string();
}

nlohmann::json serve_options(const scenario::Service& service, const std::string& recording,
                             const std::string& scenario) {
  const auto& r = service.recorder;
  nlohmann::json o{{"port", service.port},
                   {"mode", r.mode},
                   {"record", recording},
                   {"answer", r.answer},
                   {"answer_every", r.answer_every},
                   {"interim", r.interim},
                   {"close_after", r.close_after},
                   {"close_by_reset", r.close_by_reset},
                   {"delay_ns", span(r.delay)},
                   {"write_size", r.write_size},
                   {"read_rate", r.read_rate},
                   {"window", r.window}};
  if (r.mode == "replay") add_replay(o, r.replay, scenario);
  return o;
}

nlohmann::json load_options(const scenario::Traffic& t, const LoadPlace& place) {
  const uint64_t connections = t.per_client ? t.connections * place.clients : t.connections;
  nlohmann::json o = {{"service", place.service},
                      {"first_client", place.first_client},
                      {"clients", place.clients},
                      {"connections", connections},
                      {"concurrency", t.concurrency != 0 ? t.concurrency : connections},
                      {"ports", span(t.ports)},
                      {"spread_ns", static_cast<uint64_t>(t.spread.count())},
                      {"write_size", t.write_size},
                      {"read_rate", t.read_rate},
                      {"window", t.window},
                      {"patience_ns", static_cast<uint64_t>(t.patience.count())},
                      {"seed", place.seed}};
  if (!place.spaces.empty()) o["spaces"] = place.spaces;
  if (!place.progress.empty()) o["progress"] = place.progress;
  o.update({{"requests", t.requests},
            {"keep_alive", t.keep_alive},
            {"pipeline", t.pipeline},
            {"think_ns", span(t.think)},
            {"hold_ns", span(t.hold)},
            {"finish", t.finish}});
  switch (t.kind) {
    case scenario::TrafficKind::script:
      o["kind"] = "script";
      o["script"] = steps_json(t.steps);
      break;
    case scenario::TrafficKind::redis:
      o.update({{"kind", "redis"},
                {"value", span(t.value)},
                {"keys", t.keys},
                {"sets_ppm", static_cast<uint64_t>(std::llround(t.sets * 1e6))}});
      break;
    case scenario::TrafficKind::raw:
      o.update({{"kind", "raw"},
                {"bytes", span(t.bytes)},
                {"chunk", span(t.chunk)},
                {"echoed", place.built_in_mode == "echo"}});
      break;
    case scenario::TrafficKind::pcap:
      o["kind"] = "replay";
      o["repeat"] = t.repeat;
      add_replay(o, t.replay, place.scenario);
      if (place.built_in_mode != "replay") {
        o["quiet_ns"] = static_cast<uint64_t>(t.quiet.count());
      }
      break;
    case scenario::TrafficKind::http:
    case scenario::TrafficKind::command:
      // The built-in service gives the size asked for; others do as they like.
      const bool by_size = place.built_in_mode == "http";
      o.update({{"body", span(t.body)},
                {"answer", span(t.answer)},
                {"path", t.path.empty() && !by_size ? "/" : t.path},
                {"check_size", by_size}});
  }
  return o;
}

}  // namespace mirrorlab::cli
