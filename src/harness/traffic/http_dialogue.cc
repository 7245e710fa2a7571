#include <deque>

#include "harness/traffic/http_message.h"
#include "harness/traffic/request_dialogue.h"

namespace mirrorlab::traffic {

namespace {
class HttpClientDialogue : public RequestDialogue {
 public:
  HttpClientDialogue(const ClientOptions& options, Random& random, uint64_t requests)
      : RequestDialogue(options, random, requests) {}

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

 private:
  [[nodiscard]] bool service_closes() const override { return closing_; }
  [[nodiscard]] Action usual_end() const override {
    // The service was asked to close: its FIN first, as a browser would see it.
    return {options().keep_alive ? ActionKind::close : ActionKind::drain};
  }

  void request(OutQueue& out) override {
    const uint64_t body = random().between(options().body.low, options().body.high);
    const uint64_t want = random().between(options().answer.low, options().answer.high);
    std::string head = body > 0 ? "POST " : "GET ";
    head += options().path.empty() ? "/item/" + std::to_string(random().between(0, 999999))
                                   : options().path;
    head += " HTTP/1.1\r\nHost: online\r\nX-Answer-Bytes: ";
    head += std::to_string(want);
    if (body > 0) head += "\r\nContent-Length: " + std::to_string(body);
    head += options().keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
    out.text(head);
    out.filler(body, random().next());
    wanted_.push_back(want);
  }

  Progress on_answer() {
    const auto& line = messages_.head().start_line;
    if (wanted_.empty()) return wrong("an answer that nobody asked for");
    if (options().check_size && line[9] != '2') return wrong("refused: " + line);
    if (options().check_size && messages_.head().content_length != wanted_.front()) {
      return wrong("an answer of another size than the " + std::to_string(wanted_.front()) +
                   " bytes asked for: " + line);
    }
    wanted_.pop_front();
    answered();
    closing_ = closing_ || messages_.head().close;
    if (wanted_.empty()) return Progress::done;
    return Progress::answered;
  }

  HttpMessages messages_{BodyRule::answer};
  std::deque<uint64_t> wanted_;  // bytes of the answers under way
  bool closing_ = false;
};
}  // namespace

std::unique_ptr<ClientDialogue> make_http_dialogue(const ClientOptions& options, Random& random,
                                                   uint64_t requests) {
  return std::make_unique<HttpClientDialogue>(options, random, requests);
}

}  // namespace mirrorlab::traffic
