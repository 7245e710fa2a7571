#include "intercept/driver/program.h"

#include <csignal>
#include <iostream>
#include <optional>

#include "intercept/driver/figures.h"
#include "intercept/driver/host_check.h"
#include "intercept/driver/live_connections.h"
#include "intercept/driver/reply_intake.h"
#include "intercept/driver/reply_queue.h"
#include "os/atomic_file.h"
#include "os/devices.h"
#include "os/event_loop.h"

namespace mirrorlab::intercept {

namespace {
void say(const std::string& text) { std::cerr << "mirror-intercept: " << text << std::endl; }
int fail(const std::string& text, int code) {
  say(text);
  return code;
}

int print_check(const InterceptOptions& options, const Interception& method) {
  bool good = true;
  for (const Finding& f : check_host(options, method)) {
    good = good && f.good;
    std::cout << (f.good ? "ok    " : "BAD   ") << f.text << '\n';
    if (!f.good) std::cout << "      mend: " << f.mend << '\n';
  }
  return good ? 0 : 3;
}

// One serving run; the loop's callbacks point into it.
class Run {
 public:
  Run(os::EventLoop& loop, const InterceptOptions& options, Interception& method,
      Interception::Sources sources, const os::SharedKey* key)
      : loop_(loop),
        options_(options),
        method_(method),
        server_(loop, key, {}, {}),
        intake_(loop, std::move(sources), server_) {}
  ~Run() {
    if (devices_) loop_.remove(devices_->fd());
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  tl::expected<void, std::string> start();
  void on_signal(int signal) {
    if (signal == SIGUSR1) return write_figures();
    loop_.stop();
  }
  // What was wrong with a source of replies; empty when nothing was.
  [[nodiscard]] const std::string& broken() const { return intake_.broken(); }
  // Empty, or why what was set up must stay although the program ends.
  [[nodiscard]] std::string reason_to_stay() const;
  void write_figures();
  [[nodiscard]] std::string summary() {
    return "took " + std::to_string(intake_.figures().replies.packets) + " replies, returned " +
           std::to_string(server_.counters().records_sent) + " headers";
  }

 private:
  os::EventLoop& loop_;
  const InterceptOptions& options_;
  Interception& method_;
  HeaderServer server_;
  ReplyIntake intake_;
  std::optional<os::DeviceWatch> devices_;
  std::string complaint_;  // the latest, said once
};

tl::expected<void, std::string> Run::start() {
  if (auto done = server_.listen(options_.listen); !done) return done;
  loop_.after_batch([this](os::Nanos now) { server_.flush(now); });
  auto devices = os::DeviceWatch::open();
  if (!devices) return tl::unexpected(devices.error());
  devices_.emplace(std::move(*devices));
  auto watched = loop_.add(devices_->fd(), EPOLLIN, [this](uint32_t, os::Nanos) {
    devices_->drain();
    // What is covered stays so; that this is not must not end its service.
    auto done = method_.follow_changes();
    if (!done && done.error() != complaint_) say("warning: " + done.error());
    complaint_ = done ? "" : done.error();
  });
  if (!watched) return watched;
  return intake_.start();
}

std::string Run::reason_to_stay() const {
  if (options_.keep_rules) return "--keep-rules";
  if (server_.peers() > 0) return "copy engines are connected";
  if (!server_.claims().idle()) return "mirrored connections are claimed";
  if (const auto live = count_live_connections(options_.service_ports); live > 0) {
    return std::to_string(live) + " connection(s) of the mirrored service could still answer";
  }
  return {};
}

// Reported, never fatal: replies must go on being dropped when a disk is full.
void Run::write_figures() {
  if (options_.counters_file.empty()) return;
  const auto taken = intake_.figures();
  const auto figures = figures_json(taken.replies, taken.parse, server_, method_.kernel_figures());
  auto done = os::write_file(options_.counters_file, figures.dump(2) + "\n");
  if (!done) say(done.error());
}

int serve(const InterceptOptions& o, const InterceptParts& parts) {
  std::optional<os::SharedKey> key;
  if (!o.key_file.empty()) {
    auto loaded = os::SharedKey::load(o.key_file);
    if (!loaded) return fail(loaded.error(), 2);
    key = *loaded;
    if (!key->warning().empty()) say("warning: " + key->warning());
  }
  auto loop = os::EventLoop::create();
  if (!loop) return fail(loop.error(), 3);
  const auto method = make_interception(o, parts.source);
  auto sources = method->open();
  if (!sources) return fail(sources.error(), 3);
  Run run(**loop, o, *method, std::move(*sources), key ? &*key : nullptr);
  // Signals first: none may end the program between setting up and knowing about it.
  auto signals = (*loop)->on_signals({SIGTERM, SIGINT, SIGUSR1},
                                     [&](int signal, os::Nanos) { run.on_signal(signal); });
  if (!signals) return fail(signals.error(), 3);
  if (auto started = run.start(); !started) return fail(started.error(), 3);
  const auto installed = method->install();
  if (!installed) return fail(installed.error(), 3);
  say(std::string("via ") + to_string(o.via) + ": " + *installed);
  say("ready, header return on " + o.listen.to_string());
  const auto ran = (*loop)->run();
  run.write_figures();
  const auto stay = run.reason_to_stay();
  if (stay.empty() && ran && run.broken().empty()) {
    method->remove();
  } else if (o.via == Via::route) {
    say("this host goes on forwarding nothing; keep it so while replies are routed to it");
  } else {
    say("the rules stay (" + (stay.empty() ? "the program failed" : stay) +
        "): replies of the service are dropped until it starts again, or until `" +
        o.detach_command() + "`");
  }
  if (!ran) return fail(ran.error(), 3);
  if (!run.broken().empty()) return fail(run.broken(), 3);
  say(run.summary());
  return 0;
}
}  // namespace

InterceptParts intercept_parts() {
  return {.source = [](uint16_t queue,
                       uint32_t length) -> tl::expected<std::unique_ptr<ReplySource>, std::string> {
    auto opened = ReplyQueue::open(queue, length);
    if (!opened) return tl::unexpected(opened.error());
    return std::make_unique<ReplyQueue>(std::move(*opened));
  }};
}

int run_intercept(const InterceptOptions& o, const InterceptParts& parts) {
  const auto method = make_interception(o, parts.source);
  switch (o.action) {
    case Action::check:
      return print_check(o, *method);
    case Action::print_setup:
      for (const auto& line : method->commands()) std::cout << line << '\n';
      return 0;
    case Action::detach:
      if (auto rest = method->at_rest(); !rest) return fail(rest.error(), 3);
      method->remove();
      return 0;
    case Action::serve:
      break;
  }
  if (!o.counters_file.empty()) {
    if (auto can = os::can_write_file(o.counters_file); !can) return fail(can.error(), 3);
  }
  return serve(o, parts);
}

}  // namespace mirrorlab::intercept
