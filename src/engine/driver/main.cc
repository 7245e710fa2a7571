// mirror-copy: mirrors the clients of this host's services to a test host.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <optional>

#include "engine/driver/copy_engine.h"
#include "engine/driver/mapping_option.h"
#include "os/event_loop.h"

namespace {
using namespace mirrorlab;

struct Arguments {
  std::vector<std::string> maps;
  std::vector<std::string> intercepts;
  uint16_t intercept_port = wire::kHeaderReturnPort;
  std::string key_file, pace = "think", ack = "eager";
  bool no_auth = false, no_wait = false, no_reopen = false;
  uint64_t session_mib = 64, total_mib = 2048;
  double hold_s = 5, handshake_s = 30, idle_s = 3600, gap_s = 30;
  engine::CopyOptions options;
};

int fail(const std::string& text, int code) {
  std::cerr << "mirror-copy: " << text << '\n';
  return code;
}
engine::Nanos nanos(double seconds) {
  return static_cast<engine::Nanos>(seconds * static_cast<double>(engine::kSecond));
}

void declare(CLI::App& app, Arguments& a) {
  auto& c = a.options.core;
  app.add_option("-x,--map", a.maps, "What is mirrored where: [ADDR:]PORT-ADDR:PORT[,...]");
  app.add_option("-s,--intercept", a.intercepts, "Addresses of mirror-intercept, ADDR[:PORT]")
      ->delimiter(',');
  app.add_option("-p,--port", a.intercept_port, "Header return port")->capture_default_str();
  app.add_option("-i,--device", a.options.device, "Capture on this device only");
  app.add_option("--key-file", a.key_file, "Shared key, the same file as mirror-intercept's");
  app.add_flag("--no-auth", a.no_auth, "Connect beyond loopback without a key");
  app.add_flag("-W,--no-wait", a.no_wait, "Do not wait for the test host's answers between turns");
  app.add_flag("-O,--whole-only", c.whole_only, "Leave out connections joined in the middle");
  app.add_flag("--no-reopen", a.no_reopen,
               "Do not open a second mirrored connection for a session");
  app.add_option("--pace", a.pace, "Think time: think or none")
      ->check(CLI::IsMember({"think", "none"}));
  app.add_option("--ack", a.ack, "Acks: eager or client")
      ->check(CLI::IsMember({"eager", "client"}));
  app.add_option("-M,--mtu", c.mtu, "MTU toward the test host")->check(CLI::Range(576, 9000));
  app.add_option("--session-memory", a.session_mib, "MiB buffered for one session")
      ->capture_default_str();
  app.add_option("-m,--memory", a.total_mib, "MiB buffered in all")->capture_default_str();
  app.add_option("--max-sessions", c.max_sessions, "Sessions at a time")->capture_default_str();
  app.add_option("--turn-hold", a.hold_s, "Seconds a turn waits for an answer that does not come");
  app.add_option("--handshake-timeout", a.handshake_s, "Seconds to reach the test host");
  app.add_option("-k,--idle-timeout", a.idle_s, "Seconds without a packet that end a session");
  app.add_option("--gap-timeout", a.gap_s, "Seconds to wait for bytes that were not captured");
  app.add_option("--counters", a.options.counters_file,
                 "Write counters here as JSON on exit and SIGUSR1");
  app.add_option("--session-log", a.options.session_log, "Write one JSON line per ended session");
}

// Empty, or what is wrong with the arguments.
std::string settle(Arguments& a) {
  auto& o = a.options;
  if (a.maps.empty()) return "--map is missing, e.g. --map 80-10.0.0.2:8080";
  if (a.intercepts.empty()) return "--intercept is missing, e.g. --intercept 10.0.0.2";
  for (const auto& text : a.maps) {
    auto parsed = engine::parse_mappings(text);
    if (!parsed) return "--map: " + parsed.error();
    o.core.mappings.insert(o.core.mappings.end(), parsed->begin(), parsed->end());
  }
  bool loopback = true;
  for (const auto& text : a.intercepts) {
    auto endpoint = wire::Endpoint::parse(text);
    if (!endpoint) {
      const auto address = wire::IpAddress::parse(text);
      if (!address) return "--intercept " + text + ": not ADDR or ADDR:PORT";
      endpoint = wire::Endpoint{*address, a.intercept_port};
    }
    loopback = loopback && endpoint->address.is_loopback();
    o.intercepts.push_back(*endpoint);
  }
  o.core.wait_for_answers = !a.no_wait;
  o.core.reopen = !a.no_reopen;
  o.core.pace = a.pace == "none" ? engine::Pace::none : engine::Pace::think;
  o.core.ack = a.ack == "client" ? engine::AckPolicy::client : engine::AckPolicy::eager;
  o.core.max_session_bytes = a.session_mib << 20U;
  o.core.max_total_bytes = a.total_mib << 20U;
  o.core.turn_hold_limit = nanos(a.hold_s);
  o.core.handshake_timeout = nanos(a.handshake_s);
  o.core.idle_timeout = nanos(a.idle_s);
  o.core.gap_timeout = nanos(a.gap_s);
  return os::require_key(loopback, !a.key_file.empty(), a.no_auth, "the address of --intercept");
}

int mirror(const Arguments& a, const os::SharedKey* key) {
  auto made = os::EventLoop::create();
  if (!made) return fail(made.error(), 3);
  os::EventLoop& loop = **made;
  auto engine = engine::CopyEngine::create(loop, a.options, key);
  if (!engine) return fail(engine.error(), 3);
  auto signals = loop.on_signals({SIGTERM, SIGINT, SIGUSR1}, [&](int signal, int64_t) {
    if (signal != SIGUSR1) return loop.stop();
    if (auto done = (*engine)->write_counters(); !done) fail(done.error(), 0);
  });
  if (!signals) return fail(signals.error(), 3);
  (*engine)->start(os::steady_now());
  const auto give_up_waiting = os::steady_now() + 2 * os::kNanosPerSecond;
  while (!(*engine)->link_up() && !loop.stopped() && os::steady_now() < give_up_waiting) {
    if (auto turned = loop.turn(100 * os::kNanosPerMilli); !turned) return fail(turned.error(), 3);
  }
  const bool up = (*engine)->link_up();
  std::cerr << "mirror-copy: ready, " << a.options.core.mappings.size()
            << " mapping(s), header return "
            << (up ? "connected"
                   : "not yet connected (" + (*engine)->link_failure() + "), trying on")
            << std::endl;
  if (auto ran = loop.run(); !ran) return fail(ran.error(), 3);
  (*engine)->stop(os::steady_now());
  if (auto done = (*engine)->write_counters(); !done) return fail(done.error(), 3);
  const auto& account = (*engine)->core().account();
  std::cerr << "mirror-copy: " << account.sessions_captured << " sessions captured, "
            << account.sessions_mirrored << " mirrored exactly; " << account.bytes_captured
            << " bytes captured, " << account.bytes_mirrored << " mirrored\n";
  if (const auto wrong = account.imbalance(); !wrong.empty()) return fail("account: " + wrong, 3);
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app{"Mirrors live TCP clients of this host to a test host"};
  declare(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (const auto wrong = settle(a); !wrong.empty()) return fail(wrong, 2);
  std::optional<os::SharedKey> key;
  if (!a.key_file.empty()) {
    auto loaded = os::SharedKey::load(a.key_file);
    if (!loaded) return fail(loaded.error(), 2);
    key = *loaded;
  }
  return mirror(a, key ? &*key : nullptr);
}
