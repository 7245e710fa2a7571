#include "engine/driver/program.h"

#include <sys/eventfd.h>

#include <csignal>
#include <iostream>
#include <optional>

#include "engine/driver/crew.h"
#include "engine/driver/hints.h"
#include "os/atomic_file.h"
#include "os/error.h"
#include "os/event_loop.h"

namespace mirrorlab::engine {

namespace {
constexpr os::Nanos kLinkPatience = 2 * os::kNanosPerSecond;
constexpr os::Nanos kLinkLook = 2 * os::kNanosPerMilli;
constexpr os::Nanos kDrainLook = 20 * os::kNanosPerMilli;

void say(const std::string& text) { std::cerr << "mirror-copy: " << text << std::endl; }
int fail(const std::string& text, int code) {
  say(text);
  return code;
}

// One run of the program, on the main thread; the loop's callbacks point into it.
class Run {
 public:
  Run(os::EventLoop& loop, Crew& crew, const CopyOptions& options)
      : loop_(loop), crew_(crew), options_(options) {}

  void on_signal(int signal) {
    if (signal == SIGUSR1) return write_figures();
    ++ends_asked_;
  }
  tl::expected<void, std::string> start();
  tl::expected<void, std::string> mirror() {
    while (ends_asked_ == 0) {
      if (auto turned = loop_.turn(); !turned) return turned;
      // Besides signals, only the end of a thread's capture or of its loop wakes this thread.
      if (auto why = crew_.failure(); !why.empty()) return tl::unexpected(why);
      if (crew_.capture_ended()) break;
    }
    return {};
  }
  // What is due is still sent, within the drain time; a second signal ends at once.
  tl::expected<void, std::string> drain() {
    crew_.stop_accepting();
    const auto until = os::steady_now() + options_.drain;
    while (ends_asked_ < 2 && !crew_.drained() && os::steady_now() < until) {
      if (auto turned = loop_.turn(kDrainLook); !turned) return turned;
    }
    return {};
  }
  int end();

 private:
  // Reported, never fatal: mirroring goes on when a disk is full.
  void write_figures() {
    if (auto done = crew_.write_figures(); !done) say(done.error());
  }
  os::EventLoop& loop_;
  Crew& crew_;
  const CopyOptions& options_;
  int ends_asked_ = 0;
};

tl::expected<void, std::string> Run::start() {
  crew_.start();
  const auto until = os::steady_now() + kLinkPatience;
  while (!crew_.links_up() && ends_asked_ == 0 && os::steady_now() < until) {
    if (auto turned = loop_.turn(kLinkLook); !turned) return turned;
  }
  crew_.begin();
  say("ready, " + std::to_string(options_.core.mappings.size()) + " mapping(s), header return " +
      (crew_.links_up() ? "connected"
                        : "not yet connected (" + crew_.link_failure() + "), trying on"));
  return {};
}

int Run::end() {
  const std::string link_failure = crew_.link_failure();
  crew_.stop();
  write_figures();
  const Account account = crew_.account();
  say(std::to_string(account.sessions_captured) + " sessions captured, " +
      std::to_string(account.sessions_mirrored) + " mirrored exactly; " +
      std::to_string(account.bytes_captured) + " bytes captured, " +
      std::to_string(account.bytes_mirrored) + " mirrored");
  const auto figures = crew_.figures();
  for (const auto& line :
       hints({account, figures["capture"]["packets"], figures["inject"]["packets"],
              figures["counters"]["header_records"], link_failure})) {
    say(line);
  }
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
  if (!options.counters_file.empty()) {
    if (auto can = os::can_write_file(options.counters_file); !can) return fail(can.error(), 3);
  }
  auto loop = os::EventLoop::create();
  if (!loop) return fail(loop.error(), 3);
  const os::Fd woken(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!woken) return fail(os::error_text("cannot make an eventfd"), 3);
  auto watched = (*loop)->add(woken.get(), EPOLLIN, [&](uint32_t, os::Nanos) {
    uint64_t wakes = 0;
    [[maybe_unused]] const auto n = ::read(woken.get(), &wakes, sizeof wakes);
  });
  if (!watched) return fail(watched.error(), 3);
  std::optional<Run> run;
  // Before the threads are made: they inherit the blocked signals.
  auto signals = (*loop)->on_signals({SIGTERM, SIGINT, SIGUSR1}, [&](int signal, os::Nanos) {
    if (run) run->on_signal(signal);
  });
  if (!signals) return fail(signals.error(), 3);
  auto crew = Crew::create(options, parts, key ? &*key : nullptr, [&] {
    const uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(woken.get(), &one, sizeof one);
  });
  if (!crew) return fail(crew.error(), 3);
  run.emplace(**loop, **crew, options);
  const auto done =
      run->start().and_then([&] { return run->mirror(); }).and_then([&] { return run->drain(); });
  if (!done) say(done.error());
  const int code = run->end();
  return done ? code : 3;
}

}  // namespace mirrorlab::engine
