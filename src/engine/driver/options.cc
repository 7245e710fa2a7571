#include "engine/driver/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <optional>

#include "engine/driver/mapping_option.h"
#include "engine/driver/test_endpoints.h"
#include "wire/header_return.h"

namespace mirrorlab::engine {

namespace {
constexpr const char* kExample =
    "e.g. mirror-copy --map 80-10.0.0.2:8080 --intercept 10.0.0.2 --key-file /etc/mirrorlab.key";

struct Arguments {
  std::vector<std::string> maps;
  std::vector<std::string> intercepts;
  uint16_t intercept_port = wire::kHeaderReturnPort;
  std::string pace = "think", ack = "eager", capture = "packet", inject = "packet";
  bool no_auth = false, no_wait = false, no_reopen = false;
  uint64_t session_mib = 64, total_mib = 2048, capture_mib = 64;
  std::optional<double> speed, skip_gaps_s;
  double hold_s = 5, handshake_s = 30, refused_s = 5, idle_s = 3600, gap_s = 120;
  std::optional<double> drain_s;
  CopyOptions options;
};

Nanos nanos(double seconds) { return static_cast<Nanos>(seconds * static_cast<double>(kSecond)); }

void declare_what(CLI::App& app, Arguments& a) {
  app.add_option("-x,--map", a.maps,
                 "What is mirrored where: [ADDR:]PORT-ADDR:PORT, several with commas")
      ->type_name("MAP");
  app.add_option("-s,--intercept", a.intercepts, "Where mirror-intercept listens, ADDR[:PORT]")
      ->delimiter(',')
      ->type_name("ADDR");
  app.add_option("-p,--port", a.intercept_port, "Header return port where --intercept names none")
      ->capture_default_str()
      ->type_name("PORT");
  app.add_option("--key-file", a.options.key_file,
                 "Shared key, the same file as mirror-intercept's (16 bytes or more)")
      ->type_name("FILE");
  app.add_flag("--no-auth", a.no_auth, "Connect beyond loopback without a key");
  app.add_option("-i,--device", a.options.capture.device, "Capture on this device only")
      ->type_name("DEV");
  app.add_option(
         "--capture", a.capture,
         "packet: a packet ring, woken once in 4 ms at most; packet-lowlatency: woken "
         "by every packet; raw-ip: raw sockets; pcap: libpcap; pcap-file: a recorded one; ebpf: a "
         "program at tc ingress")
      ->capture_default_str()
      ->check(
          CLI::IsMember({"packet", "packet-lowlatency", "raw-ip", "pcap", "pcap-file", "ebpf"}));
  app.add_option(
         "-F,--filter", a.options.capture.expression,
         "pcap, pcap-file: what is captured, see pcap-filter(7); by default the mapped ports")
      ->type_name("FILTER");
  app.add_option("--file", a.options.capture.file, "pcap-file: the capture to play")
      ->type_name("FILE");
  app.add_option("-a,--speed", a.speed, "pcap-file: so many times faster")
      ->check(CLI::Range(0.001, 1e6))
      ->type_name("FACTOR");
  app.add_option("-I,--skip-gaps", a.skip_gaps_s, "pcap-file: cut longer silences to this")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS");
  app.add_option("--inject", a.inject,
                 "packet: as frames on the link, by raw sockets where that cannot be; raw: by raw "
                 "sockets, through netfilter's OUTPUT")
      ->capture_default_str()
      ->check(CLI::IsMember({"packet", "raw"}));
  app.add_option("--threads", a.options.threads, "Threads, each with its share of the clients")
      ->capture_default_str()
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  app.add_option("--capture-buffer", a.capture_mib,
                 "MiB of kernel buffer for captured packets, per thread")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024))
      ->type_name("MIB");
}

void declare_how(CLI::App& app, Arguments& a) {
  auto& c = a.options.core;
  app.add_flag("-W,--no-wait", a.no_wait, "Do not wait for the test host's answers between turns");
  app.add_flag("-O,--whole-only", c.whole_only, "Leave out connections joined in the middle");
  app.add_flag("--no-reopen", a.no_reopen,
               "Do not open a second mirrored connection for a session");
  app.add_option("--pace", a.pace, "think: keep the clients' think time; none: as fast as allowed")
      ->capture_default_str()
      ->check(CLI::IsMember({"think", "none"}));
  app.add_option("--ack", a.ack, "eager: ack at once; client: no faster than the real client")
      ->capture_default_str()
      ->check(CLI::IsMember({"eager", "client"}));
  app.add_option("-M,--mtu", c.mtu, "MTU of the path to the test host")
      ->capture_default_str()
      ->check(CLI::Range(576, 9000))
      ->type_name("BYTES");
  const CLI::Range seconds(0.0, 1e6);
  const auto limit = [&](const char* name, double& value, const char* about) {
    app.add_option(name, value, about)->capture_default_str()->check(seconds)->type_name("SECONDS");
  };
  limit("--turn-hold", a.hold_s, "A turn waits this long for an answer that does not come");
  limit("--handshake-timeout", a.handshake_s, "To reach the test host");
  limit("--refused-timeout", a.refused_s, "To try again while the test host refuses");
  limit("-k,--idle-timeout", a.idle_s, "Without a packet, then a session ends");
  limit("--gap-timeout", a.gap_s, "To wait for bytes that were not captured");
  app.add_option("--drain", a.drain_s,
                 "At the end, for what is still to be sent or acked; default 1, of a file 60")
      ->check(seconds)
      ->type_name("SECONDS");
  const CLI::Range mib(uint64_t{1}, uint64_t{1048576});
  app.add_option("--session-memory", a.session_mib, "MiB buffered for one session")
      ->capture_default_str()
      ->check(mib)
      ->type_name("MIB");
  app.add_option("-m,--memory", a.total_mib, "MiB buffered in all")
      ->capture_default_str()
      ->check(mib)
      ->type_name("MIB");
  app.add_option("--max-sessions", c.max_sessions, "Sessions at a time")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--counters", a.options.counters_file,
                 "Write counters here as JSON, on exit and on SIGUSR1")
      ->type_name("FILE");
  app.add_option("--session-log", a.options.session_log, "Write one JSON line per ended session")
      ->type_name("FILE");
}

// Empty, or what is wrong.
std::string settle_peers(Arguments& a) {
  if (a.intercepts.empty()) return "--intercept is missing: where does mirror-intercept listen?";
  bool loopback = true;
  for (const auto& text : a.intercepts) {
    auto endpoint = wire::Endpoint::parse(text);
    if (!endpoint) {
      const auto address = wire::IpAddress::parse(text);
      if (!address) return "--intercept " + text + ": not ADDR or ADDR:PORT";
      endpoint = wire::Endpoint{*address, a.intercept_port};
    }
    if (endpoint->port == 0) return "--intercept " + text + ": port 0";
    loopback = loopback && endpoint->address.is_loopback();
    a.options.intercepts.push_back(*endpoint);
  }
  return os::require_key(loopback, !a.options.key_file.empty(), a.no_auth,
                         "the address of --intercept");
}

std::string settle_capture(Arguments& a) {
  using Way = os::CaptureWay;
  static constexpr std::array<std::pair<std::string_view, Way>, 6> kWays = {
      {{"packet", Way::packet},
       {"packet-lowlatency", Way::packet_lowlatency},
       {"raw-ip", Way::raw_ip},
       {"pcap", Way::pcap},
       {"pcap-file", Way::pcap_file},
       {"ebpf", Way::ebpf}}};
  auto& capture = a.options.capture;
  capture.way =
      std::ranges::find(kWays, a.capture, &std::pair<std::string_view, Way>::first)->second;
  capture.buffer_bytes = a.capture_mib << 20U;
  if (a.speed) capture.speed = *a.speed;
  if (a.skip_gaps_s) capture.longest_gap_ns = nanos(*a.skip_gaps_s);
  const bool from_file = capture.way == Way::pcap_file;
  if (from_file && capture.file.empty()) return "--capture=pcap-file needs --file FILE";
  if (!from_file && (a.speed || a.skip_gaps_s)) {
    return "--speed and --skip-gaps are for --capture=pcap-file";
  }
  if (!from_file && !capture.file.empty()) return "--file needs --capture=pcap-file";
  if (!from_file && capture.way != Way::pcap && !capture.expression.empty()) {
    return "--filter needs --capture=pcap or pcap-file; other captures filter by --map";
  }
  return {};
}

// Why: a range check lets NaN pass.
bool has_nan(const Arguments& a) {
  const std::array numbers = {
      a.hold_s, a.handshake_s,         a.refused_s,         a.idle_s,
      a.gap_s,  a.drain_s.value_or(0), a.speed.value_or(0), a.skip_gaps_s.value_or(0)};
  return std::ranges::any_of(numbers, [](double n) { return std::isnan(n); });
}

// Empty, or what is mapped twice.
std::string mapped_twice(const std::vector<Mapping>& mappings) {
  for (size_t i = 0; i < mappings.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const bool same_family =
          mappings[i].test.address.family() == mappings[j].test.address.family();
      if (mappings[i].online != mappings[j].online || !same_family) continue;
      const auto& online = mappings[i].online;
      return "--map: " +
             (online.address.is_unspecified() ? "port " + std::to_string(online.port)
                                              : online.to_string()) +
             " is mapped to " + mappings[j].test.to_string() + " and to " +
             mappings[i].test.to_string() + "; a second test host needs a second mirror-copy";
    }
  }
  return {};
}

std::string settle(Arguments& a) {
  if (has_nan(a)) return "nan is no number";
  auto& c = a.options.core;
  if (a.maps.empty()) return "--map is missing: which port is mirrored to which test service?";
  for (const auto& text : a.maps) {
    auto parsed = parse_mappings(text);
    if (!parsed) return "--map: " + parsed.error();
    c.mappings.insert(c.mappings.end(), parsed->begin(), parsed->end());
  }
  if (auto wrong = mapped_twice(c.mappings); !wrong.empty()) return wrong;
  if (auto wrong = unsafe_mapping(c.mappings); !wrong.empty()) return wrong;
  a.options.inject = a.inject == "raw" ? os::InjectWay::raw : os::InjectWay::packet;
  c.wait_for_answers = !a.no_wait;
  c.reopen = !a.no_reopen;
  c.pace = a.pace == "none" ? Pace::none : Pace::think;
  c.ack = a.ack == "client" ? AckPolicy::client : AckPolicy::eager;
  c.max_session_bytes = a.session_mib << 20U;
  c.max_total_bytes = a.total_mib << 20U;
  c.turn_hold_limit = nanos(a.hold_s);
  c.handshake_timeout = nanos(a.handshake_s);
  c.refused_timeout = nanos(a.refused_s);
  c.idle_timeout = nanos(a.idle_s);
  c.gap_timeout = nanos(a.gap_s);
  a.options.drain = nanos(a.drain_s.value_or(a.capture == "pcap-file" ? 60 : 1));
  if (auto wrong = settle_capture(a); !wrong.empty()) return wrong;
  return settle_peers(a);
}
}  // namespace

tl::expected<CopyOptions, int> parse_copy_options(int argc, const char* const* argv) {
  Arguments a;
  CLI::App app{
      "mirror-copy: mirrors the live TCP clients of this host's services to a test host.\n"
      "Runs on the online host, as root or with CAP_NET_RAW; mirror-intercept runs on the test "
      "host."};
  app.footer(kExample);
  app.get_formatter()->column_width(34);
  app.set_version_flag("--version", std::string("mirror-copy ") + MIRRORLAB_VERSION);
  declare_what(app, a);
  declare_how(app, a);
  const auto usage_error = [](const std::string& text) {
    std::cerr << "mirror-copy: " << text << '\n' << kExample << '\n';
    return tl::unexpected(2);
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) return usage_error(e.what());
    return tl::unexpected(app.exit(e));
  }
  if (const auto wrong = settle(a); !wrong.empty()) return usage_error(wrong);
  return a.options;
}

}  // namespace mirrorlab::engine
