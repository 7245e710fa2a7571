#include <algorithm>
#include <utility>

#include "harness/traffic/client_dialogue.h"
#include "harness/traffic/text_template.h"

namespace mirrorlab::traffic {

namespace {
// The script as a flat program: a repeat is a counter and a jump back.
struct Instruction {
  const Step* step = nullptr;
  bool loop_end = false;
  size_t target = 0;  // of a loop's end: its first instruction
};

void compile(const std::vector<Step>& steps, std::vector<Instruction>& program) {
  for (const Step& step : steps) {
    program.push_back({&step, false, 0});
    if (step.kind != StepKind::repeat) continue;
    const size_t first = program.size();
    compile(step.steps, program);
    program.push_back({&step, true, first});
  }
}

class ScriptDialogue : public ClientDialogue {
 public:
  ScriptDialogue(const ClientOptions& options, Random& random, uint64_t user) : random_(random) {
    compile(options.script, program_);
    values_.client = user % options.clients;
    values_.connection = user;
  }

  Action next(OutQueue& out) override {
    while (at_ < program_.size()) {
      const Instruction& now = program_[at_++];
      const Step& step = *now.step;
      if (now.loop_end) {
        if (--counters_.back() > 0) {
          at_ = now.target;
        } else {
          counters_.pop_back();
        }
        continue;
      }
      if (step.kind != StepKind::connect && step.kind != StepKind::repeat) begun_ = true;
      switch (step.kind) {
        case StepKind::connect:
          if (std::exchange(begun_, true)) return {ActionKind::connect};
          break;  // it was made already
        case StepKind::repeat:
          counters_.push_back(step.times);
          break;
        case StepKind::send:
          ++values_.request;
          if (step.text.empty()) {
            out.filler(random_.between(step.size.low, step.size.high), random_.next());
          } else {
            values_.sent = fill_text(step.text, values_, random_);
            out.text(values_.sent);
          }
          return {ActionKind::send};
        case StepKind::expect:
          awaited_ = fill_text(step.text, values_, random_);
          left_ = random_.between(step.size.low, step.size.high);
          window_.clear();
          if (awaited_.empty() && left_ == 0) break;
          return {ActionKind::expect};
        case StepKind::expect_close:
          return {ActionKind::drain};
        case StepKind::think:
          return {ActionKind::think, random_.between(step.think_ns.low, step.think_ns.high)};
        case StepKind::half_close:
          return {ActionKind::half_close};
        case StepKind::close:
          return {ActionKind::close};
        case StepKind::reset:
          return {ActionKind::reset};
      }
    }
    return {ActionKind::finish};
  }

  Progress take(std::string_view& bytes) override {
    if (awaited_.empty()) {
      const uint64_t taken = std::min<uint64_t>(left_, bytes.size());
      bytes.remove_prefix(taken);
      left_ -= taken;
      return left_ == 0 ? Progress::done : Progress::more;
    }
    const std::string& text = awaited_;
    const size_t before = window_.size();
    window_.append(bytes);
    const size_t found = window_.find(text);
    if (found == std::string::npos) {
      bytes = {};
      if (window_.size() >= text.size()) window_.erase(0, window_.size() - text.size() + 1);
      return Progress::more;
    }
    bytes.remove_prefix(found + text.size() - before);
    return Progress::done;
  }

  Progress on_close() override {
    error_ = awaited_.empty()
                 ? "the service closed, " + std::to_string(left_) + " more bytes were expected"
                 : "the service closed before it said `" + awaited_ + "`";
    return Progress::wrong;
  }

 private:
  Random& random_;
  std::vector<Instruction> program_;
  std::vector<uint64_t> counters_;
  size_t at_ = 0;
  bool begun_ = false;  // a step was taken
  TextValues values_;
  std::string awaited_;  // text; empty: so many bytes
  uint64_t left_ = 0;    // bytes still expected
  std::string window_;   // the end of what came, while a text is looked for
};
}  // namespace

std::unique_ptr<ClientDialogue> make_script_dialogue(const ClientOptions& options, Random& random,
                                                     uint64_t user) {
  return std::make_unique<ScriptDialogue>(options, random, user);
}

}  // namespace mirrorlab::traffic
