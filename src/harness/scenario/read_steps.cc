// The steps of `kind: script`.
#include <fmt/format.h>

#include "harness/scenario/read_parts.h"

namespace mirrorlab::scenario {
namespace {

constexpr int kMaxDepth = 8;
constexpr uint64_t kMaxTimes = 1'000'000;

// "in quotes" is a text, 64KiB or 1B..4KiB a size.
void read_content(const Value& value, Step& step) {
  if (value.is_quoted()) {
    step.text = value.text();
    return;
  }
  const std::string text = value.text();
  const auto size = parse_size_range(text);
  if (!size) {
    value.fail(fmt::format("`{}` is no size; write a text in quotes, a size like 64KiB", text));
  }
  step.size = *size;
}

std::vector<Step> read_list(const Value& value, int depth);

Step read_word(const Value& value) {
  Step step;
  switch (value.choice({"connect", "half-close", "reset"})) {
    case 0:
      step.kind = StepKind::connect;
      break;
    case 1:
      step.kind = StepKind::half_close;
      break;
    default:
      step.kind = StepKind::reset;
  }
  return step;
}

Step read_map(const Value& value, int depth) {
  const Fields fields(value, {"send", "expect", "think", "repeat", "steps"});
  const auto entries = value.entries();
  Step step;
  if (const Value* times = fields.find("repeat")) {
    step.kind = StepKind::repeat;
    step.times = times->integer(1, kMaxTimes);
    if (depth >= kMaxDepth) value.fail(fmt::format("repeats nest at most {} deep", kMaxDepth));
    step.steps = read_list(fields.need("steps"), depth + 1);
    if (entries.size() != 2) value.fail("a repeat has `repeat` and `steps`, nothing else");
    return step;
  }
  if (const Value* steps = fields.find("steps")) steps->fail("`steps` belongs to a `repeat: N`");
  if (entries.size() != 1) value.fail("one step, one key: begin the next one with its own dash");
  const Value& content = entries.front().second;
  if (fields.find("think")) {
    step.kind = StepKind::think;
    step.think = content.duration_range();
  } else if (fields.find("send")) {
    step.kind = StepKind::send;
    read_content(content, step);
    if (step.text.empty() && step.size.low == 0)
      content.fail("nothing is no step: send 1B or more");
  } else if (!content.is_quoted() && content.text() == "close") {
    step.kind = StepKind::expect_close;
  } else {
    step.kind = StepKind::expect;
    read_content(content, step);
    if (step.size.low != step.size.high) content.fail("expect a text, one size, or close");
  }
  return step;
}

std::vector<Step> read_list(const Value& value, int depth) {
  std::vector<Step> steps;
  for (const Value& item : value.items()) {
    steps.push_back(item.is_scalar() ? read_word(item) : read_map(item, depth));
    if (steps.back().kind == StepKind::connect && (depth > 0 || steps.size() > 1)) {
      item.fail("a script is one connection: connect may only be its first step");
    }
  }
  if (steps.empty()) value.fail("a script needs steps");
  return steps;
}

}  // namespace

std::vector<Step> read_steps(const Value& value) { return read_list(value, 0); }

}  // namespace mirrorlab::scenario
