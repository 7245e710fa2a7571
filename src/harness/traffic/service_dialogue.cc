#include "harness/traffic/service_dialogue.h"

#include <algorithm>

#include "harness/traffic/http_message.h"

namespace mirrorlab::traffic {

namespace {
constexpr uint64_t kMaxAnswer = 1ULL << 30U;

// How the test side may be told to answer differently (DESIGN S3).
class AnswerPolicy {
 public:
  explicit AnswerPolicy(const ServiceOptions& options) : options_(options) {}
  // The size of the next answer's body, for one that would be `size`; sets `none`.
  uint64_t next(uint64_t size, bool& none) {
    ++number_;
    none = false;
    if (number_ % options_.answer_every != 0) return size;
    switch (options_.answer) {
      case AnswerRule::same:
        return size;
      case AnswerRule::longer:
        return size + size / 2 + 37;
      case AnswerRule::shorter:
        return size / 2;
      case AnswerRule::none:
        none = true;
        return 0;
    }
    return size;
  }

 private:
  const ServiceOptions& options_;
  uint64_t number_ = 0;
};

class HttpDialogue : public ServiceDialogue {
 public:
  explicit HttpDialogue(const ServiceOptions& options) : options_(options), policy_(options) {}
  void take(std::string_view bytes, TurnSink& sink) override {
    while (!bytes.empty() && !wrong_) {
      std::string_view rest = bytes;
      const auto event = messages_.take(rest);
      sink.on_turn_bytes(bytes.substr(0, bytes.size() - rest.size()));
      bytes = rest;
      if (event == HttpMessages::Event::wrong) {
        wrong_ = true;
        sink.on_turn_end({"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0, false, true});
      } else if (event == HttpMessages::Event::head) {
        if (messages_.head().expects_continue) sink.say("HTTP/1.1 100 Continue\r\n\r\n");
        // A request without a body is whole now, though no byte follows.
        std::string_view nothing;
        if (messages_.take(nothing) == HttpMessages::Event::message) answer(sink);
      } else if (event == HttpMessages::Event::message) {
        answer(sink);
      }
    }
  }

 private:
  void answer(TurnSink& sink) {
    const HttpHead& head = messages_.head();
    Answer a;
    a.filler = policy_.next(std::min(head.answer_bytes.value_or(128), kMaxAnswer), a.none);
    for (uint64_t i = 0; i < options_.interim; ++i) a.head += "HTTP/1.1 103 Early Hints\r\n\r\n";
    a.head += "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(a.filler) +
              (head.close ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
    a.close = head.close;
    sink.on_turn_end(std::move(a));
  }
  const ServiceOptions& options_;
  AnswerPolicy policy_;
  HttpMessages messages_{BodyRule::request};
  bool wrong_ = false;
};

// SMTP in its outline (RFC 5321): a greeting, a reply per line, DATA up to a lone dot.
class GreetingDialogue : public ServiceDialogue {
 public:
  explicit GreetingDialogue(const ServiceOptions& options) : policy_(options) {}
  void begin(TurnSink& sink) override { sink.say("220 recorder ready\r\n"); }
  void take(std::string_view bytes, TurnSink& sink) override {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto piece = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
      sink.on_turn_bytes(piece);
      bytes.remove_prefix(piece.size());
      if (line_.size() < kMaxLine) line_ += piece;
      if (end == std::string_view::npos) return;
      on_line(sink);
      line_.clear();
    }
  }

 private:
  static constexpr size_t kMaxLine = 4096;
  void on_line(TurnSink& sink) {
    if (in_data_) {
      if (line_ != ".\r\n" && line_ != ".\n") return;
      in_data_ = false;
      reply(sink, "250 taken", false);
    } else if (line_.starts_with("DATA")) {
      in_data_ = true;
      reply(sink, "354 go on", false);
    } else {
      const bool quit = line_.starts_with("QUIT");
      reply(sink, quit ? "221 bye" : "250 ok", quit);
    }
  }
  void reply(TurnSink& sink, std::string text, bool close) {
    Answer a;
    const uint64_t size = policy_.next(24, a.none);
    text.resize(std::max<size_t>(text.size(), size), '.');
    a.head = text + "\r\n";
    a.close = close;
    sink.on_turn_end(std::move(a));
  }
  AnswerPolicy policy_;
  std::string line_;
  bool in_data_ = false;
};

class EchoDialogue : public ServiceDialogue {
 public:
  explicit EchoDialogue(const ServiceOptions& options) : policy_(options) {}
  void take(std::string_view bytes, TurnSink& sink) override {
    sink.on_turn_bytes(bytes);
    Answer a;
    const uint64_t size = policy_.next(bytes.size(), a.none);
    a.head = bytes.substr(0, size);
    a.filler = size - a.head.size();
    sink.on_turn_end(std::move(a));
  }

 private:
  AnswerPolicy policy_;
};

class SinkDialogue : public ServiceDialogue {
 public:
  void take(std::string_view bytes, TurnSink& sink) override {
    sink.on_turn_bytes(bytes);
    Answer a;
    a.none = true;
    sink.on_turn_end(std::move(a));
  }
};
}  // namespace

std::unique_ptr<ServiceDialogue> make_dialogue(const ServiceOptions& options,
                                               const wire::Endpoint& client) {
  switch (options.mode) {
    case ServiceMode::http:
      return std::make_unique<HttpDialogue>(options);
    case ServiceMode::greeting:
      return std::make_unique<GreetingDialogue>(options);
    case ServiceMode::echo:
      return std::make_unique<EchoDialogue>(options);
    case ServiceMode::replay:
      return make_replay_service(options, client.port);
    case ServiceMode::sink:
      break;
  }
  return std::make_unique<SinkDialogue>();
}

}  // namespace mirrorlab::traffic
