// The two parts of a captured conversation, played over real connections.
#include <algorithm>
#include <utility>

#include "harness/traffic/client_dialogue.h"
#include "harness/traffic/conversation.h"
#include "harness/traffic/service_dialogue.h"

namespace mirrorlab::traffic {

namespace {
// A reset overtakes what is still in the service's send queue: so long that has for its way.
constexpr uint64_t kBeforeReset = 20'000'000;

template <class Options>
uint64_t pause_of(const Cue& cue, const Options& options) {
  const auto captured = std::min(static_cast<uint64_t>(cue.pause_ns), options.longest_pause_ns);
  return captured * options.pause_percent / 100;
}

class ReplayClient : public ClientDialogue {
 public:
  ReplayClient(const ClientOptions& options, const Conversation& conversation)
      : options_(options), own_(conversation.from_client), other_(conversation.from_server) {}

  Action next(OutQueue& out) override {
    if (at_ == own_.cues.size()) return after_the_last();
    const Cue& cue = own_.cues[at_];
    if (!std::exchange(asked_, true)) {
      wanted_ = free() ? came_before_ + (cue.after - after_before_) : cue.after;
      if (came_ < wanted_) return {ActionKind::expect, options_.quiet_ns};
    }
    if (!std::exchange(paused_, true)) return {ActionKind::think, pause_of(cue, options_)};
    asked_ = paused_ = false;
    came_before_ = came_;
    after_before_ = cue.after;
    ++at_;
    if (cue.kind == CueKind::reset) return {ActionKind::reset};
    if (cue.kind == CueKind::close) return {ActionKind::half_close};
    out.text(std::string_view(own_.bytes).substr(cue.begin, cue.end - cue.begin));
    return {ActionKind::send};
  }

  Progress take(std::string_view& bytes) override {
    const std::string_view captured = other_.bytes;
    const auto size = static_cast<uint64_t>(bytes.size());
    if (!free() && (came_ + size > captured.size() || captured.substr(came_, size) != bytes)) {
      error_ =
          "the answer differs from the captured one at or behind its byte " + std::to_string(came_);
      return Progress::wrong;
    }
    came_ += size;
    bytes = {};
    return came_ >= wanted_ ? Progress::done : Progress::more;
  }

  Progress on_close() override {
    if (reset_expected() || (wanted_ > other_.bytes.size() && came_ == other_.bytes.size())) {
      return Progress::done;
    }
    error_ = "the service closed after " + std::to_string(came_) + " bytes, " +
             std::to_string(wanted_) + " were expected";
    return Progress::wrong;
  }
  [[nodiscard]] bool reset_expected() const override {
    return free() || (!other_.cues.empty() && other_.cues.back().kind == CueKind::reset);
  }

 private:
  // A service of another kind answers as it likes: its answers are counted from the last send on,
  // and silence ends one.
  [[nodiscard]] bool free() const { return options_.quiet_ns > 0; }

  // All has been said: the service's rest, and its close where one is due.
  Action after_the_last() {
    const bool reset = !own_.cues.empty() && own_.cues.back().kind == CueKind::reset;
    if (reset || std::exchange(ended_, true)) return {ActionKind::finish};
    const bool close_is_due = (!own_.cues.empty() && own_.cues.back().kind == CueKind::close) ||
                              (!other_.cues.empty() && other_.cues.back().kind != CueKind::send);
    wanted_ = other_.bytes.size() + (close_is_due ? 1 : 0);
    if (came_ >= wanted_) return {ActionKind::finish};
    return {ActionKind::expect, options_.quiet_ns};
  }

  const ClientOptions& options_;
  const Conversation::Part& own_;
  const Conversation::Part& other_;
  size_t at_ = 0;       // the next cue
  bool asked_ = false;  // what it comes after is there, or was waited for
  bool paused_ = false;
  bool ended_ = false;
  uint64_t came_before_ = 0;   // bytes of the service at the last send,
  uint64_t after_before_ = 0;  // and as captured
  uint64_t came_ = 0;          // bytes of the service
  uint64_t wanted_ = 0;        // bytes of the service that are waited for
};

class ReplayService : public ServiceDialogue {
 public:
  ReplayService(const ServiceOptions& options, const Conversation& conversation)
      : options_(options),
        own_(conversation.from_server),
        client_bytes_(conversation.from_client.bytes.size()) {}

  void begin(TurnSink& sink) override {
    sink.say(texts_after(0).text);
    close_if_due(0, sink);
  }

  void take(std::string_view bytes, TurnSink& sink) override {
    while (!bytes.empty()) {
      const uint64_t turn_end = end_of_turn();
      const auto piece = bytes.substr(0, std::min<uint64_t>(bytes.size(), turn_end - came_));
      sink.on_turn_bytes(piece);
      bytes.remove_prefix(piece.size());
      came_ += piece.size();
      if (came_ < turn_end) continue;
      const Said said = texts_after(came_);
      Answer answer;
      answer.head = said.text;
      answer.delay_ns = said.pause_ns;
      answer.none = said.text.empty();
      sink.on_turn_end(std::move(answer));
      close_if_due(came_, sink);
    }
  }

 private:
  struct Said {
    std::string_view text;
    uint64_t pause_ns = 0;
  };
  // A cue may come after the client's close; what is said then is said to its last byte.
  [[nodiscard]] uint64_t due(const Cue& cue) const { return std::min(cue.after, client_bytes_); }
  // Where the client's turn under way ends; bytes that were never captured have no end.
  [[nodiscard]] uint64_t end_of_turn() const {
    if (came_ >= client_bytes_) return UINT64_MAX;
    const bool more = at_ < own_.cues.size() && due(own_.cues[at_]) > came_;
    return more ? due(own_.cues[at_]) : client_bytes_;
  }
  // All that is said in a row once `came` bytes are there.
  Said texts_after(uint64_t came) {
    Said said;
    const size_t first = at_;
    while (at_ < own_.cues.size() && own_.cues[at_].kind == CueKind::send &&
           due(own_.cues[at_]) <= came) {
      ++at_;
    }
    if (at_ == first) return said;
    const uint64_t begin = own_.cues[first].begin;
    said.text = std::string_view(own_.bytes).substr(begin, own_.cues[at_ - 1].end - begin);
    said.pause_ns = pause_of(own_.cues[first], options_);
    return said;
  }
  void close_if_due(uint64_t came, TurnSink& sink) {
    if (at_ >= own_.cues.size()) return;
    const Cue& cue = own_.cues[at_];
    // What comes after the client's close needs no help: the connection closes then anyway.
    if (cue.kind == CueKind::send || cue.after > came) return;
    ++at_;
    const bool reset = cue.kind == CueKind::reset;
    sink.hang_up(reset, std::max(pause_of(cue, options_), reset ? kBeforeReset : 0));
  }

  const ServiceOptions& options_;
  const Conversation::Part& own_;
  const uint64_t client_bytes_;
  size_t at_ = 0;      // the next cue
  uint64_t came_ = 0;  // bytes of the client
};
}  // namespace

std::unique_ptr<ClientDialogue> make_replay_dialogue(const ClientOptions& options, uint64_t user) {
  const auto& all = options.conversations->all;
  return std::make_unique<ReplayClient>(options, all[user % all.size()]);
}

std::unique_ptr<ServiceDialogue> make_replay_service(const ServiceOptions& options,
                                                     uint16_t client_port) {
  const auto& all = options.conversations->all;
  return std::make_unique<ReplayService>(options, all[played_on(client_port, all.size())]);
}

}  // namespace mirrorlab::traffic
