// SET and GET on keys of the user's own, so that the answers do not depend on who came first.
#include <deque>
#include <unordered_map>

#include "harness/traffic/client_dialogue.h"
#include "harness/traffic/resp_reply.h"

namespace mirrorlab::traffic {

namespace {
class RedisClientDialogue : public ClientDialogue {
 public:
  RedisClientDialogue(const ClientOptions& options, Random& random, uint64_t user,
                      uint64_t requests)
      : options_(options), random_(random), user_(user), left_(requests) {}

  Action next(OutQueue& out) override {
    switch (state_) {
      case State::think:
        if (left_ == 0) return finish();
        state_ = State::send;
        return {ActionKind::think, random_.between(options_.think_ns.low, options_.think_ns.high)};
      case State::send: {
        const uint64_t burst = std::min(options_.pipeline, left_);
        for (uint64_t i = 0; i < burst; ++i) command(out);
        if (options_.finish == Finish::cut && left_ == burst) {
          out.cut(std::max<uint64_t>(out.size() / 2, 1));
          state_ = State::cut;
          return {ActionKind::send};
        }
        state_ = State::expect;
        return {ActionKind::send};
      }
      case State::cut:
        return {ActionKind::reset};
      case State::expect:
        state_ = State::think;
        return {ActionKind::expect};
      case State::closing:
        return {options_.finish == Finish::half_close ? ActionKind::drain : ActionKind::close};
    }
    return {};
  }

  Progress take(std::string_view& bytes) override {
    const auto event = reply_.take(bytes);
    if (event == RespReply::Event::wrong) return wrong("an answer that is no RESP");
    return event == RespReply::Event::more ? Progress::more : on_reply();
  }

  Progress on_close() override { return wrong("the service closed before its answer"); }
  [[nodiscard]] bool resumable() const override { return awaited_.empty(); }
  [[nodiscard]] uint64_t left() const override { return left_; }

 private:
  enum class State : uint8_t { think, send, cut, expect, closing };
  struct Awaited {
    bool set = false;
    int64_t bytes = -1;  // of the value; unknown: -1
  };

  Action finish() {
    if (options_.hold_ns.high > 0 && !held_) {
      held_ = true;
      return {ActionKind::think, random_.between(options_.hold_ns.low, options_.hold_ns.high)};
    }
    state_ = State::closing;
    if (options_.finish == Finish::reset) return {ActionKind::reset};
    if (options_.finish == Finish::half_close) return {ActionKind::half_close};
    return {ActionKind::close};
  }

  void command(OutQueue& out) {
    const uint64_t key = random_.between(0, options_.keys - 1);
    const std::string name = "user:" + std::to_string(user_) + ":key:" + std::to_string(key);
    const bool set = random_.next() % 1'000'000 < options_.sets_ppm;
    const std::string bulk_name = "$" + std::to_string(name.size()) + "\r\n" + name + "\r\n";
    if (!set) {
      out.text("*2\r\n$3\r\nGET\r\n" + bulk_name);
      const auto known = values_.find(key);
      awaited_.push_back({false, known == values_.end() ? -1 : known->second});
      return;
    }
    const uint64_t size = random_.between(options_.value.low, options_.value.high);
    out.text("*3\r\n$3\r\nSET\r\n" + bulk_name + "$" + std::to_string(size) + "\r\n");
    out.filler(size, random_.next());
    out.text("\r\n");
    if (values_.size() < kMaxRemembered || values_.contains(key)) {
      values_[key] = static_cast<int64_t>(size);
    }
    awaited_.push_back({true, -1});
  }

  Progress on_reply() {
    const std::string& line = reply_.first_line();
    if (awaited_.empty()) return wrong("an answer that nobody asked for: " + line);
    const Awaited expected = awaited_.front();
    if (expected.set ? line != "+OK" : line[0] != '$') return wrong("refused: " + line);
    if (!expected.set && expected.bytes >= 0 && reply_.bulk_bytes() != expected.bytes) {
      return wrong("a value of " + std::to_string(reply_.bulk_bytes()) + " bytes, " +
                   std::to_string(expected.bytes) + " were SET");
    }
    awaited_.pop_front();
    --left_;
    return awaited_.empty() ? Progress::done : Progress::answered;
  }
  Progress wrong(std::string what) {
    error_ = std::move(what);
    return Progress::wrong;
  }

  static constexpr size_t kMaxRemembered = 10'000;
  const ClientOptions& options_;
  Random& random_;
  const uint64_t user_;
  RespReply reply_;
  std::deque<Awaited> awaited_;
  std::unordered_map<uint64_t, int64_t> values_;  // sizes of what this connection has SET
  uint64_t left_;                                 // commands without an answer yet
  State state_ = State::think;
  bool held_ = false;
};
}  // namespace

std::unique_ptr<ClientDialogue> make_redis_dialogue(const ClientOptions& options, Random& random,
                                                    uint64_t user, uint64_t requests) {
  return std::make_unique<RedisClientDialogue>(options, random, user, requests);
}

}  // namespace mirrorlab::traffic
