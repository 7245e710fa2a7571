// SET and GET on keys of the user's own, so that the answers do not depend on who came first.
#include <deque>
#include <unordered_map>

#include "harness/traffic/request_dialogue.h"
#include "harness/traffic/resp_reply.h"

namespace mirrorlab::traffic {

namespace {
class RedisClientDialogue : public RequestDialogue {
 public:
  RedisClientDialogue(const ClientOptions& options, Random& random, uint64_t user,
                      uint64_t requests)
      : RequestDialogue(options, random, requests), user_(user) {}

  Progress take(std::string_view& bytes) override {
    const auto event = reply_.take(bytes);
    if (event == RespReply::Event::wrong) return wrong("an answer that is no RESP");
    return event == RespReply::Event::more ? Progress::more : on_reply();
  }

  Progress on_close() override { return wrong("the service closed before its answer"); }
  [[nodiscard]] bool resumable() const override { return awaited_.empty(); }

 private:
  struct Awaited {
    bool set = false;
    int64_t bytes = -1;  // of the value; unknown: -1
  };

  void request(OutQueue& out) override {
    const uint64_t key = random().between(0, options().keys - 1);
    const std::string name = "user:" + std::to_string(user_) + ":key:" + std::to_string(key);
    const bool set = random().next() % 1'000'000 < options().sets_ppm;
    const std::string bulk_name = "$" + std::to_string(name.size()) + "\r\n" + name + "\r\n";
    if (!set) {
      out.text("*2\r\n$3\r\nGET\r\n" + bulk_name);
      const auto known = values_.find(key);
      awaited_.push_back({false, known == values_.end() ? -1 : known->second});
      return;
    }
    const uint64_t size = random().between(options().value.low, options().value.high);
    out.text("*3\r\n$3\r\nSET\r\n" + bulk_name + "$" + std::to_string(size) + "\r\n");
    out.filler(size, random().next());
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
    answered();
    return awaited_.empty() ? Progress::done : Progress::answered;
  }

  static constexpr size_t kMaxRemembered = 10'000;
  const uint64_t user_;
  RespReply reply_;
  std::deque<Awaited> awaited_;
  std::unordered_map<uint64_t, int64_t> values_;  // sizes of what this connection has SET
};
}  // namespace

std::unique_ptr<ClientDialogue> make_redis_dialogue(const ClientOptions& options, Random& random,
                                                    uint64_t user, uint64_t requests) {
  return std::make_unique<RedisClientDialogue>(options, random, user, requests);
}

}  // namespace mirrorlab::traffic
