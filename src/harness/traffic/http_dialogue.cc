#include <algorithm>
#include <deque>

#include "harness/traffic/client_dialogue.h"
#include "harness/traffic/http_message.h"

namespace mirrorlab::traffic {

namespace {
class HttpClientDialogue : public ClientDialogue {
 public:
  HttpClientDialogue(const ClientOptions& options, Random& random, uint64_t requests)
      : options_(options), random_(random), left_(requests) {}

  Action next(OutQueue& out) override {
    switch (state_) {
      case State::think:
        if (left_ == 0 || closing_) return finish();
        state_ = State::send;
        return {ActionKind::think, random_.between(options_.think_ns.low, options_.think_ns.high)};
      case State::send: {
        const uint64_t burst = std::min(options_.pipeline, left_);
        for (uint64_t i = 0; i < burst; ++i) request(out);
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
    while (!bytes.empty()) {
      auto event = messages_.take(bytes);
      if (event == HttpMessages::Event::wrong) return wrong("an answer that is no HTTP/1.1");
      if (event == HttpMessages::Event::head) {
        const auto& line = messages_.head().start_line;
        if (!line.starts_with("HTTP/1.") || line.size() < 12) return wrong("no status: " + line);
        if (line[9] == '1') {
          messages_.skip_body();
          continue;
        }
        std::string_view nothing;
        event = messages_.take(nothing);
      }
      if (event != HttpMessages::Event::message) continue;
      if (const auto progress = on_answer(); progress != Progress::more) return progress;
    }
    return Progress::more;
  }

  Progress on_close() override {
    if (messages_.until_close() && wanted_.size() == 1) {
      closing_ = true;
      return on_answer();
    }
    return wrong("the service closed before its answer");
  }
  [[nodiscard]] bool resumable() const override { return wanted_.empty(); }
  [[nodiscard]] uint64_t left() const override { return left_; }

 private:
  enum class State : uint8_t { think, send, cut, expect, closing };

  Action finish() {
    if (options_.hold_ns.high > 0 && !held_) {
      held_ = true;
      return {ActionKind::think, random_.between(options_.hold_ns.low, options_.hold_ns.high)};
    }
    state_ = State::closing;
    if (options_.finish == Finish::reset) return {ActionKind::reset};
    if (options_.finish == Finish::half_close) return {ActionKind::half_close};
    // The service was asked to close: its FIN first, as a browser would see it.
    return {options_.keep_alive ? ActionKind::close : ActionKind::drain};
  }

  void request(OutQueue& out) {
    const uint64_t body = random_.between(options_.body.low, options_.body.high);
    const uint64_t want = random_.between(options_.answer.low, options_.answer.high);
    std::string head = body > 0 ? "POST " : "GET ";
    head += options_.path.empty() ? "/item/" + std::to_string(random_.between(0, 999999))
                                  : options_.path;
    head += " HTTP/1.1\r\nHost: online\r\nX-Answer-Bytes: ";
    head += std::to_string(want);
    if (body > 0) head += "\r\nContent-Length: " + std::to_string(body);
    head += options_.keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
    out.text(head);
    out.filler(body, random_.next());
    wanted_.push_back(want);
  }

  Progress on_answer() {
    const auto& line = messages_.head().start_line;
    if (wanted_.empty()) return wrong("an answer that nobody asked for");
    if (options_.check_size && line[9] != '2') return wrong("refused: " + line);
    if (options_.check_size && messages_.head().content_length != wanted_.front()) {
      return wrong("an answer of another size than the " + std::to_string(wanted_.front()) +
                   " bytes asked for: " + line);
    }
    wanted_.pop_front();
    --left_;
    closing_ = closing_ || messages_.head().close;
    if (wanted_.empty()) return Progress::done;
    return Progress::answered;
  }
  Progress wrong(std::string what) {
    error_ = std::move(what);
    return Progress::wrong;
  }

  const ClientOptions& options_;
  Random& random_;
  HttpMessages messages_{BodyRule::answer};
  std::deque<uint64_t> wanted_;  // bytes of the answers under way
  uint64_t left_;                // requests without an answer yet
  State state_ = State::think;
  bool closing_ = false;
  bool held_ = false;
};
}  // namespace

std::unique_ptr<ClientDialogue> make_http_dialogue(const ClientOptions& options, Random& random,
                                                   uint64_t requests) {
  return std::make_unique<HttpClientDialogue>(options, random, requests);
}

}  // namespace mirrorlab::traffic
