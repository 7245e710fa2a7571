#include "intercept/driver/program.h"

#include <csignal>
#include <iostream>
#include <optional>

#include "intercept/driver/figures.h"
#include "intercept/driver/host_check.h"
#include "intercept/driver/live_connections.h"
#include "intercept/driver/reply_queue.h"
#include "intercept/driver/rules.h"
#include "os/atomic_file.h"
#include "os/event_loop.h"
#include "wire/packet.h"

namespace mirrorlab::intercept {

namespace {
void say(const std::string& text) { std::cerr << "mirror-intercept: " << text << std::endl; }
int fail(const std::string& text, int code) {
  say(text);
  return code;
}

wire::HeaderRecord record_of(const wire::TcpPacket& p) {
  wire::HeaderRecord r;
  r.flow = {p.header.dst, p.header.src};
  r.seq = p.header.seq;
  r.ack = p.header.ack;
  r.flags = p.header.flags;
  r.window = p.header.window;
  r.payload_length = p.payload_length;
  r.options = p.header.options;
  return r;
}

int print_check(const InterceptOptions& options) {
  bool good = true;
  for (const Finding& f : check_host(options)) {
    good = good && f.good;
    std::cout << (f.good ? "ok    " : "BAD   ") << f.text << '\n';
    if (!f.good) std::cout << "      mend: " << f.mend << '\n';
  }
  return good ? 0 : 3;
}

// One serving run; the loop's callbacks point into it.
class Run {
 public:
  Run(os::EventLoop& loop, const InterceptOptions& options, ReplySource& source,
      const os::SharedKey* key)
      : loop_(loop), options_(options), source_(source), server_(loop, key, {}, {}) {}

  tl::expected<void, std::string> start();
  void on_signal(int signal) {
    if (signal == SIGUSR1) return write_figures();
    loop_.stop();
  }
  // What was wrong with the queue; empty when nothing was.
  [[nodiscard]] const std::string& broken() const { return broken_; }
  // Empty, or why the rules must stay although the program ends.
  [[nodiscard]] std::string reason_to_keep_rules() const;
  void write_figures();
  [[nodiscard]] std::string summary() const {
    return "took " + std::to_string(source_.counters().packets) + " replies, returned " +
           std::to_string(server_.counters().records_sent) + " headers";
  }

 private:
  void take_replies(os::Nanos now);
  void take_reply(wire::Bytes bytes, os::Nanos now);
  os::EventLoop& loop_;
  const InterceptOptions& options_;
  ReplySource& source_;
  HeaderServer server_;
  ParseCounters parse_;
  std::string broken_;
};

tl::expected<void, std::string> Run::start() {
  if (auto done = server_.listen(options_.listen); !done) return done;
  loop_.after_batch([this](os::Nanos now) { server_.flush(now); });
  return loop_.add(source_.fd(), EPOLLIN, [this](uint32_t, os::Nanos now) { take_replies(now); });
}

void Run::take_reply(wire::Bytes bytes, os::Nanos now) {
  const auto packet = wire::parse_ip_packet(bytes);
  if (packet) return server_.on_reply(record_of(*packet), now);
  ++(packet.error() == wire::ParseError::not_tcp ? parse_.not_tcp : parse_.malformed);
}

void Run::take_replies(os::Nanos now) {
  auto done = source_.read([this, now](wire::Bytes bytes) { take_reply(bytes, now); });
  if (done) return;
  broken_ = done.error();
  loop_.stop();
}

std::string Run::reason_to_keep_rules() const {
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
  const auto figures =
      figures_json(source_.counters(), parse_, server_, read_queue_stats(options_.queue));
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
  auto source = parts.source(o.queue);
  if (!source) return fail(source.error(), 3);
  Run run(**loop, o, **source, key ? &*key : nullptr);
  // Signals first: none may end the program between installing the rules and knowing about them.
  auto signals = (*loop)->on_signals({SIGTERM, SIGINT, SIGUSR1},
                                     [&](int signal, os::Nanos) { run.on_signal(signal); });
  if (!signals) return fail(signals.error(), 3);
  if (auto started = run.start(); !started) return fail(started.error(), 3);
  Rules rules(o.service_ports, o.queue, o.passed);
  const auto installed = rules.install();
  if (!installed) return fail(installed.error(), 3);
  say("rules in chain " + rules.chain() + " by " + *installed);
  say("ready, queue " + std::to_string(o.queue) + ", header return on " + o.listen.to_string());
  const auto ran = (*loop)->run();
  run.write_figures();
  const auto keep = run.reason_to_keep_rules();
  if (keep.empty() && ran && run.broken().empty()) {
    rules.remove();
  } else {
    say("the rules stay (" + (keep.empty() ? "the program failed" : keep) +
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
  return {.source = [](uint16_t queue) -> tl::expected<std::unique_ptr<ReplySource>, std::string> {
    auto opened = ReplyQueue::open(queue);
    if (!opened) return tl::unexpected(opened.error());
    return std::make_unique<ReplyQueue>(std::move(*opened));
  }};
}

int run_intercept(const InterceptOptions& o, const InterceptParts& parts) {
  Rules rules(o.service_ports, o.queue, o.passed);
  switch (o.action) {
    case Action::check:
      return print_check(o);
    case Action::print_setup:
      for (const auto& line : rules.commands()) std::cout << line << '\n';
      return 0;
    case Action::detach:
      rules.remove();
      return 0;
    case Action::serve:
      break;
  }
  return serve(o, parts);
}

}  // namespace mirrorlab::intercept
