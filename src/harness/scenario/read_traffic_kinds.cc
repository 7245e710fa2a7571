// What each kind of traffic has of its own.
#include <fmt/format.h>

#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {
namespace {

constexpr uint64_t kMaxRequests = 10'000'000;

// Of requests on kept connections: http and redis.
void read_requests(const Fields& fields, Traffic& traffic) {
  if (const Value* v = fields.find("requests")) traffic.requests = v->integer(1, kMaxRequests);
  if (const Value* v = fields.find("pipeline")) {
    traffic.pipeline = v->integer(1, 10'000);
    if (traffic.pipeline > 1 && !traffic.keep_alive) {
      v->fail("pipelining needs `keep_alive: true`");
    }
  }
}

void read_rhythm(const Fields& fields, Traffic& traffic) {
  if (const Value* v = fields.find("think")) traffic.think = v->duration_range();
  if (const Value* v = fields.find("hold")) traffic.hold = v->duration_range();
  const Value* finish = fields.find("finish");
  if (finish == nullptr) return;
  if (traffic.kind == TrafficKind::raw) {
    (void)finish->choice({"close", "half-close", "reset"});
  } else {
    (void)finish->choice({"close", "half-close", "reset", "cut"});
  }
  traffic.finish = finish->text();
}

void read_http(const Fields& fields, Traffic& traffic) {
  if (const Value* v = fields.find("keep_alive")) traffic.keep_alive = v->boolean();
  read_requests(fields, traffic);
  read_rhythm(fields, traffic);
  if (const Value* v = fields.find("body")) traffic.body = v->size_range();
  if (const Value* v = fields.find("answer")) traffic.answer = v->size_range();
  if (const Value* v = fields.find("path")) {
    traffic.path = v->text();
    if (traffic.path[0] != '/') v->fail("a path begins with /");
  }
}

void read_redis(const Fields& fields, Traffic& traffic) {
  read_requests(fields, traffic);
  read_rhythm(fields, traffic);
  if (const Value* v = fields.find("value")) traffic.value = v->size_range();
  if (const Value* v = fields.find("keys")) traffic.keys = v->integer(1, 1'000'000'000);
  if (const Value* v = fields.find("sets")) traffic.sets = v->percent();
}

Range<uint64_t> read_positive_sizes(const Value& value) {
  const auto range = value.size_range();
  if (range.low == 0) value.fail("expected sizes above 0B");
  return range;
}

void read_raw(const Fields& fields, Traffic& traffic) {
  read_rhythm(fields, traffic);
  traffic.bytes = read_positive_sizes(fields.need("bytes"));
  traffic.chunk = traffic.bytes;
  if (const Value* v = fields.find("chunk")) traffic.chunk = read_positive_sizes(*v);
}

void read_pcap(const Fields& fields, Traffic& traffic) {
  traffic.replay = read_replay(fields);
  if (const Value* v = fields.find("repeat")) traffic.repeat = v->integer(1, 1'000'000);
  if (const Value* v = fields.find("quiet")) {
    traffic.quiet = v->duration();
    if (traffic.quiet.count() == 0) v->fail("expected a duration above 0");
  }
}

}  // namespace

std::vector<std::string_view> traffic_keys(TrafficKind kind) {
  switch (kind) {
    case TrafficKind::http:
      return {"requests", "keep_alive", "pipeline", "body", "answer",
              "think",    "hold",       "finish",   "path"};
    case TrafficKind::redis:
      return {"requests", "pipeline", "value", "keys", "sets", "think", "hold", "finish"};
    case TrafficKind::raw:
      return {"bytes", "chunk", "think", "hold", "finish"};
    case TrafficKind::pcap:
      return {"file", "speed", "longest_pause", "repeat", "quiet"};
    case TrafficKind::script:
      return {"steps"};
    case TrafficKind::command:
      return {"command"};
  }
  return {};
}

void read_traffic_kind(const Fields& fields, Traffic& traffic) {
  switch (traffic.kind) {
    case TrafficKind::http:
      return read_http(fields, traffic);
    case TrafficKind::redis:
      return read_redis(fields, traffic);
    case TrafficKind::raw:
      return read_raw(fields, traffic);
    case TrafficKind::pcap:
      return read_pcap(fields, traffic);
    case TrafficKind::script:
      traffic.steps = read_steps(fields.need("steps"));
      return;
    case TrafficKind::command:
      traffic.command = read_command_text(fields.need("command"));
  }
}

}  // namespace mirrorlab::scenario
