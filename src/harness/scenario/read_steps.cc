// The steps of `kind: script`.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/scenario/read_parts.h"
#include "harness/scenario/suggest.h"

namespace mirrorlab::scenario {
namespace {

constexpr int kMaxDepth = 8;
constexpr uint64_t kMaxTimes = 1'000'000;
constexpr uint64_t kMaxRandomText = 65'536;

// What may stand in braces: harness/traffic/text_template.h fills it in.
const std::array<std::string, 5> kPlaces{"client", "connection", "request", "sent", "random"};

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

void check_random(const Value& value, std::string_view what) {
  const auto range = parse_count_range(what);
  const bool span = what.find("..") != std::string_view::npos;
  if (range && (span || (range->low >= 1 && range->low <= kMaxRandomText))) return;
  value.fail(
      fmt::format("{{random:{}}} is neither {{random:N}} with N from 1 to {} nor "
                  "{{random:A..B}}",
                  what, kMaxRandomText));
}

// Words in braces are places to fill in; anything else in braces is text.
void check_places(const Value& value, std::string_view text, bool sends) {
  for (size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{')) {
    text.remove_prefix(open + 1);
    const size_t close = text.find('}');
    if (close == std::string_view::npos) return;
    const std::string_view inner = text.substr(0, close);
    const size_t colon = inner.find(':');
    const std::string name(inner.substr(0, colon));
    if (!is_word(name)) continue;
    if (std::ranges::find(kPlaces, name) == kPlaces.end()) {
      if (colon != std::string_view::npos) continue;
      value.fail(fmt::format("unknown place {{{}}} in a text{}", name, suggestion(name, kPlaces)));
    }
    if (name != "random" && colon != std::string_view::npos) {
      value.fail(fmt::format("{{{}}} takes nothing after a colon", name));
    }
    if (name != "random") continue;
    if (!sends) value.fail("what is random cannot be expected; expect {sent}, or a part before it");
    if (colon != std::string_view::npos) check_random(value, inner.substr(colon + 1));
  }
}

// "in quotes" is a text, 64KiB or 1B..4KiB a size.
void read_content(const Value& value, Step& step) {
  if (value.is_quoted()) {
    step.text = value.text();
    check_places(value, step.text, step.kind == StepKind::send);
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
  constexpr std::array kKinds{StepKind::connect, StepKind::half_close, StepKind::close,
                              StepKind::reset};
  step.kind = kKinds[value.choice({"connect", "half-close", "close", "reset"})];
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
  }
  if (steps.empty()) value.fail("a script needs steps");
  return steps;
}

// A script is played over one connection at a time. True when one is open behind the steps.
bool check_flow(const Value& list, const std::vector<Step>& steps, bool open) {
  const auto items = list.items();
  for (size_t i = 0; i < steps.size(); ++i) {
    switch (steps[i].kind) {
      case StepKind::think:
        break;
      case StepKind::repeat: {
        const Fields fields(items[i], {"repeat", "steps"});
        const Value& inner = fields.need("steps");
        // Twice: the second round begins as the first one ended.
        open = check_flow(inner, steps[i].steps, open);
        if (steps[i].times > 1) open = check_flow(inner, steps[i].steps, open);
        break;
      }
      case StepKind::connect:
        if (open) items[i].fail("a connection is open: `close`, `reset` or `expect: close` first");
        open = true;
        break;
      default:
        if (!open) items[i].fail("no connection is open here: `connect` first");
        if (steps[i].kind == StepKind::close || steps[i].kind == StepKind::reset ||
            steps[i].kind == StepKind::expect_close) {
          open = false;
        }
    }
  }
  return open;
}

}  // namespace

std::vector<Step> read_steps(const Value& value) {
  std::vector<Step> steps = read_list(value, 0);
  // The first connection is there from the start, whether the script says so or not.
  const Step* first = &steps.front();
  while (first->kind == StepKind::repeat) first = &first->steps.front();
  check_flow(value, steps, first->kind != StepKind::connect);
  return steps;
}

}  // namespace mirrorlab::scenario
