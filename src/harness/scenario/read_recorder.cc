// The built-in service's behaviour.
#include <fmt/format.h>

#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {

uint64_t read_positive_size(const Value& value) {
  const uint64_t size = value.size();
  if (size == 0) value.fail("expected a size above 0B");
  return size;
}

uint64_t read_byte_rate(const Value& value) {
  const std::string text = value.text();
  const auto size = text.ends_with("/s")
                        ? parse_size(std::string_view(text).substr(0, text.size() - 2))
                        : Parsed<uint64_t>(tl::unexpected(std::string()));
  if (!size || *size == 0) {
    value.fail(fmt::format("`{}` is no rate of bytes, write one like 64KB/s", text));
  }
  return *size;
}

const std::vector<std::string_view>& recorder_keys() {
  static const std::vector<std::string_view> kKeys{
      "mode",  "answer", "answer_every", "interim", "close_after",
      "close", "delay",  "write",        "read",    "window"};
  return kKeys;
}

Recorder read_recorder(const Fields& fields) {
  Recorder r;
  if (const Value* v = fields.find("mode")) {
    (void)v->choice({"http", "greeting", "echo", "sink"});
    r.mode = v->text();
  }
  if (const Value* v = fields.find("answer")) {
    (void)v->choice({"same", "longer", "shorter", "none"});
    r.answer = v->text();
  }
  if (const Value* v = fields.find("answer_every")) r.answer_every = v->integer(1, 1'000'000);
  if (const Value* v = fields.find("interim")) {
    if (r.mode != "http") v->fail("interim (1xx) answers exist in `mode: http` only");
    r.interim = v->integer(0, 100);
  }
  if (const Value* v = fields.find("close_after")) r.close_after = v->integer(1, 1'000'000'000);
  if (const Value* v = fields.find("close")) r.close_by_reset = v->choice({"fin", "reset"}) == 1;
  if (const Value* v = fields.find("delay")) r.delay = v->duration_range();
  if (const Value* v = fields.find("write")) r.write_size = read_positive_size(*v);
  if (const Value* v = fields.find("read")) r.read_rate = read_byte_rate(*v);
  if (const Value* v = fields.find("window")) r.window = read_positive_size(*v);
  return r;
}

const std::vector<std::string_view>& replay_keys() {
  static const std::vector<std::string_view> kKeys{"file",  "speed", "longest_pause", "delay",
                                                   "write", "read",  "window"};
  return kKeys;
}

Recorder read_replay_service(const Fields& fields) {
  Recorder r;
  r.mode = "replay";
  r.replay = read_replay(fields);
  if (const Value* v = fields.find("delay")) r.delay = v->duration_range();
  if (const Value* v = fields.find("write")) r.write_size = read_positive_size(*v);
  if (const Value* v = fields.find("read")) r.read_rate = read_byte_rate(*v);
  if (const Value* v = fields.find("window")) r.window = read_positive_size(*v);
  return r;
}

Replay read_replay(const Fields& fields) {
  Replay replay;
  replay.file = fields.need("file").text();
  if (const Value* v = fields.find("speed")) {
    const std::string text = v->text();
    const auto speed = parse_speed(text);
    if (!speed) v->fail(speed.error());
    replay.speed = *speed;
  }
  if (const Value* v = fields.find("longest_pause")) replay.longest_pause = v->duration();
  return replay;
}

}  // namespace mirrorlab::scenario
