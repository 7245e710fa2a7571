#include "engine/driver/program.h"

#include <csignal>
#include <iostream>
#include <optional>

#include "os/event_loop.h"

namespace mirrorlab::engine {

namespace {
constexpr os::Nanos kLinkPatience = 2 * os::kNanosPerSecond;
constexpr os::Nanos kDrainLook = 20 * os::kNanosPerMilli;

void say(const std::string& text) { std::cerr << "mirror-copy: " << text << std::endl; }
int fail(const std::string& text, int code) {
  say(text);
  return code;
}

// One run of the program; the loop's callbacks point into it.
class Run {
 public:
  Run(os::EventLoop& loop, CopyEngine& engine, const CopyOptions& options)
      : loop_(loop), engine_(engine), options_(options) {}

  void on_signal(int signal) {
    if (signal == SIGUSR1) return write_figures();
    ++ends_asked_;
  }
  tl::expected<void, std::string> start();
  tl::expected<void, std::string> mirror() {
    engine_.begin();
    while (ends_asked_ == 0 && !engine_.capture_ended()) {
      if (auto turned = loop_.turn(); !turned) return turned;
    }
    return {};
  }
  // What is due is still sent, within the drain time; a second signal ends at once.
  tl::expected<void, std::string> drain() {
    engine_.stop_accepting();
    const auto until = os::steady_now() + options_.drain;
    while (ends_asked_ < 2 && !engine_.core().drained() && os::steady_now() < until) {
      const auto look = os::steady_now() + kDrainLook;
      while (os::steady_now() < look) {
        if (auto turned = loop_.turn(kDrainLook); !turned) return turned;
      }
    }
    return {};
  }
  int end();

 private:
  // Reported, never fatal: mirroring goes on when a disk is full.
  void write_figures() {
    if (auto done = engine_.write_figures(); !done) say(done.error());
  }
  os::EventLoop& loop_;
  CopyEngine& engine_;
  const CopyOptions& options_;
  int ends_asked_ = 0;
};

tl::expected<void, std::string> Run::start() {
  engine_.start(os::steady_now());
  const auto until = os::steady_now() + kLinkPatience;
  while (!engine_.link_up() && ends_asked_ == 0 && os::steady_now() < until) {
    if (auto turned = loop_.turn(100 * os::kNanosPerMilli); !turned) return turned;
  }
  say("ready, " + std::to_string(options_.core.mappings.size()) + " mapping(s), header return " +
      (engine_.link_up() ? "connected"
                         : "not yet connected (" + engine_.link_failure() + "), trying on"));
  return {};
}

int Run::end() {
  engine_.stop(os::steady_now());
  write_figures();
  const auto& account = engine_.core().account();
  say(std::to_string(account.sessions_captured) + " sessions captured, " +
      std::to_string(account.sessions_mirrored) + " mirrored exactly; " +
      std::to_string(account.bytes_captured) + " bytes captured, " +
      std::to_string(account.bytes_mirrored) + " mirrored");
  if (const auto wrong = account.imbalance(); !wrong.empty()) return fail("account: " + wrong, 3);
  return 0;
}
}  // namespace

int run_copy(const CopyOptions& options, CopyParts parts) {
  std::optional<os::SharedKey> key;
  if (!options.key_file.empty()) {
    auto loaded = os::SharedKey::load(options.key_file);
    if (!loaded) return fail(loaded.error(), 2);
    key = *loaded;
    if (!key->warning().empty()) say("warning: " + key->warning());
  }
  auto loop = os::EventLoop::create();
  if (!loop) return fail(loop.error(), 3);
  auto engine = CopyEngine::create(**loop, options, std::move(parts), key ? &*key : nullptr);
  if (!engine) return fail(engine.error(), 3);
  Run run(**loop, **engine, options);
  auto signals = (*loop)->on_signals({SIGTERM, SIGINT, SIGUSR1},
                                     [&](int signal, os::Nanos) { run.on_signal(signal); });
  if (!signals) return fail(signals.error(), 3);
  const auto done =
      run.start().and_then([&] { return run.mirror(); }).and_then([&] { return run.drain(); });
  if (!done) say(done.error());
  const int code = run.end();
  return done ? code : 3;
}

}  // namespace mirrorlab::engine
