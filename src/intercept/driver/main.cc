// mirror-intercept: takes the test host's replies away and returns their headers.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "intercept/driver/header_server.h"
#include "intercept/driver/reply_queue.h"
#include "intercept/driver/rules.h"
#include "os/atomic_file.h"
#include "os/event_loop.h"
#include "wire/packet.h"

namespace {
using namespace mirrorlab;

struct Options {
  std::vector<uint16_t> service_ports;
  std::string listen = "127.0.0.1:36524";
  std::string key_file;
  std::string counters_file;
  std::vector<std::string> passed;
  uint16_t queue = 36;
  bool no_auth = false;
  bool print_setup = false;
  bool keep_rules = false;
  bool detach = false;
};

nlohmann::json counters_json(const intercept::ReplyQueue& queue,
                             const intercept::HeaderServer& server, uint64_t not_tcp) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  const auto& c = server.counters();
  const auto& claims = server.claims().counters();
  return {{"counters",
           {{"replies_taken", queue.counters().packets},
            {"verdict_batches", queue.counters().batches},
            {"queue_receive_errors", queue.counters().receive_errors},
            {"not_tcp", not_tcp},
            {"records_returned", c.records_sent},
            {"peer_queue_overflow", c.overflow},
            {"peers_accepted", c.peers_accepted},
            {"peers_closed", c.peers_closed},
            {"peers_closed_by_reason", c.closed_by_reason},
            {"replies_held", claims.held},
            {"replies_unclaimed", claims.unclaimed}}},
          {"cpu_s", seconds(usage.ru_utime) + seconds(usage.ru_stime)},
          {"peak_rss_bytes", usage.ru_maxrss * 1024}};
}

int fail(const std::string& text, int code) {
  std::cerr << "mirror-intercept: " << text << '\n';
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

int serve(const Options& o, const wire::Endpoint& listen, const os::SharedKey* key) {
  auto loop = os::EventLoop::create();
  if (!loop) return fail(loop.error(), 3);
  auto queue = intercept::ReplyQueue::open(o.queue);
  if (!queue) return fail(queue.error(), 3);
  intercept::HeaderServer server(**loop, key);
  if (auto done = server.listen(listen); !done) return fail(done.error(), 3);
  intercept::Rules rules(o.service_ports, o.queue, o.passed);
  if (auto done = rules.install(); !done) return fail(done.error(), 3);

  uint64_t not_tcp = 0;
  std::string broken;
  const auto write_counters = [&] {
    if (o.counters_file.empty()) return;
    const auto text = counters_json(*queue, server, not_tcp).dump(2) + "\n";
    if (auto done = os::write_file(o.counters_file, text); !done) fail(done.error(), 0);
  };
  auto watched = (*loop)->add(queue->fd(), EPOLLIN, [&](uint32_t, int64_t now) {
    auto done = queue->read([&](wire::Bytes bytes) {
      const auto packet = wire::parse_ip_packet(bytes);
      if (!packet) {
        ++not_tcp;
        return;
      }
      server.on_reply(record_of(*packet), now);
    });
    if (!done) {
      broken = done.error();
      (*loop)->stop();
    }
  });
  if (!watched) return fail(watched.error(), 3);
  (*loop)->after_batch([&](int64_t now) { server.flush(now); });
  auto signals = (*loop)->on_signals({SIGTERM, SIGINT, SIGUSR1}, [&](int signal, int64_t) {
    if (signal == SIGUSR1) return write_counters();
    (*loop)->stop();
  });
  if (!signals) return fail(signals.error(), 3);
  std::cerr << "mirror-intercept: ready, queue " << o.queue << ", header return on "
            << listen.to_string() << std::endl;
  const auto ran = (*loop)->run();
  if (!o.keep_rules) rules.remove();
  write_counters();
  if (!ran) return fail(ran.error(), 3);
  if (!broken.empty()) return fail(broken, 3);
  std::cerr << "mirror-intercept: took " << queue->counters().packets << " replies, returned "
            << server.counters().records_sent << " headers\n";
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"Takes a test host's replies away and returns their TCP/IP headers to mirror-copy"};
  app.add_option("--service-port", o.service_ports, "TCP ports of the mirrored services")
      ->delimiter(',');
  app.add_option("-b,--listen", o.listen, "Header return address, ADDR:PORT")
      ->capture_default_str();
  app.add_option("--key-file", o.key_file, "Shared key, the same file as mirror-copy's");
  app.add_flag("--no-auth", o.no_auth, "Serve beyond loopback without a key");
  app.add_option("-q,--queue-num", o.queue, "Netfilter queue number")->capture_default_str();
  app.add_option("-x,--pass", o.passed, "Addresses (ADDR or ADDR/LEN) whose replies are left alone")
      ->delimiter(',');
  app.add_option("--counters", o.counters_file, "Write counters here as JSON on exit and SIGUSR1");
  app.add_flag("--keep-rules", o.keep_rules,
               "Leave the rules on exit: replies go on being dropped");
  app.add_flag("--print-setup", o.print_setup, "Print the rules as commands and exit");
  app.add_flag("--detach", o.detach, "Remove rules a killed program left, and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (o.service_ports.empty())
    return fail("--service-port is missing: which service is mirrored?", 2);
  intercept::Rules rules(o.service_ports, o.queue, o.passed);
  if (o.print_setup) {
    for (const auto& line : rules.commands()) std::cout << line << '\n';
    return 0;
  }
  if (o.detach) {
    rules.remove();
    return 0;
  }
  const auto listen = wire::Endpoint::parse(o.listen);
  if (!listen) return fail("--listen " + o.listen + ": not ADDR:PORT, e.g. 10.0.0.2:36524", 2);
  std::optional<os::SharedKey> key;
  if (!o.key_file.empty()) {
    auto loaded = os::SharedKey::load(o.key_file);
    if (!loaded) return fail(loaded.error(), 2);
    key = *loaded;
  }
  const auto refusal = os::require_key(listen->address.is_loopback(), key.has_value(), o.no_auth,
                                       "--listen " + o.listen);
  if (!refusal.empty()) return fail(refusal, 2);
  return serve(o, *listen, key ? &*key : nullptr);
}
