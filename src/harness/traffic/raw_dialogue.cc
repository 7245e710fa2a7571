// Bytes of no protocol: chunks of a fixed pattern, which an echoing service gives back.
#include <algorithm>

#include "harness/traffic/client_dialogue.h"

namespace mirrorlab::traffic {

namespace {
class RawClientDialogue : public ClientDialogue {
 public:
  RawClientDialogue(const ClientOptions& options, Random& random)
      : options_(options),
        random_(random),
        left_(random.between(options.bytes.low, options.bytes.high)) {}

  Action next(OutQueue& out) override {
    switch (state_) {
      case State::think:
        if (left_ == 0) return hold();
        state_ = State::send;
        return {ActionKind::think, random_.between(options_.think_ns.low, options_.think_ns.high)};
      case State::send: {
        const uint64_t size =
            std::min(left_, random_.between(options_.chunk.low, options_.chunk.high));
        at_ = random_.next();
        awaited_ = size;
        left_ -= size;
        out.filler(size, at_);
        state_ = options_.echoed ? State::expect : State::think;
        return {ActionKind::send};
      }
      case State::expect:
        state_ = State::think;
        return {ActionKind::expect};
      case State::closing:
        state_ = State::done;
        if (options_.finish == Finish::reset) return {ActionKind::reset};
        if (options_.finish == Finish::close) return {ActionKind::close};
        state_ = State::draining;
        return {ActionKind::half_close};
      case State::draining:
        state_ = State::done;
        return {ActionKind::drain};
      case State::done:
        break;
    }
    return {ActionKind::finish};
  }

  Progress take(std::string_view& bytes) override {
    while (!bytes.empty() && awaited_ > 0) {
      const auto same = filler_pattern(at_, std::min<uint64_t>(awaited_, bytes.size()));
      if (!bytes.starts_with(same)) {
        error_ = "the echo differs within its last " + std::to_string(awaited_) + " bytes";
        return Progress::wrong;
      }
      bytes.remove_prefix(same.size());
      at_ += same.size();
      awaited_ -= same.size();
    }
    return awaited_ == 0 ? Progress::done : Progress::more;
  }

  Progress on_close() override {
    error_ = "the service closed, " + std::to_string(awaited_) + " more bytes were to come back";
    return Progress::wrong;
  }

 private:
  enum class State : uint8_t { think, send, expect, closing, draining, done };

  Action hold() {
    state_ = State::closing;
    return {ActionKind::think, random_.between(options_.hold_ns.low, options_.hold_ns.high)};
  }

  const ClientOptions& options_;
  Random& random_;
  uint64_t left_;         // bytes not sent yet
  uint64_t at_ = 0;       // place in the pattern of what must come back next
  uint64_t awaited_ = 0;  // bytes of the chunk that have not come back
  State state_ = State::think;
};
}  // namespace

std::unique_ptr<ClientDialogue> make_raw_dialogue(const ClientOptions& options, Random& random) {
  return std::make_unique<RawClientDialogue>(options, random);
}

}  // namespace mirrorlab::traffic
