#include "intercept/driver/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "intercept/driver/steal_program.h"
#include "os/shared_key.h"

namespace mirrorlab::intercept {

namespace {
constexpr const char* kExample =
    "e.g. mirror-intercept --service-port 8080 --listen 10.0.0.2:36524 --key-file "
    "/etc/mirrorlab.key";

struct Arguments {
  std::string listen = "127.0.0.1:36524";
  std::string via = "nfqueue", reader = "ring";
  std::vector<std::string> clients;
  bool no_auth = false, check = false, print_setup = false, detach = false;
  InterceptOptions options;
};

void declare(CLI::App& app, Arguments& a) {
  auto& o = a.options;
  app.add_option("--service-port", o.service_ports, "TCP ports of the mirrored services")
      ->delimiter(',')
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
  app.add_option("-b,--listen", a.listen, "Header return address, ADDR:PORT")
      ->capture_default_str()
      ->type_name("ADDR:PORT");
  app.add_option("--key-file", o.key_file,
                 "Shared key, the same file as mirror-copy's (16 bytes or more)")
      ->type_name("FILE");
  app.add_flag("--no-auth", a.no_auth, "Serve beyond loopback without a key");
  app.add_option("-x,--pass", o.passed, "Addresses whose replies are left alone, ADDR[/LEN]")
      ->delimiter(',')
      ->type_name("ADDR");
  app.add_option("-q,--queue-num", o.queue,
                 "Number of the (first) netfilter queue, or of what another method sets up")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--queues", o.queues, "nfqueue: so many queues, a thread each")
      ->capture_default_str()
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  app.add_option("--queue-length", o.queue_length,
                 "Replies that may wait to be read; what exceeds it loses its header")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20))
      ->type_name("N");
  app.add_option(
         "--via", a.via,
         "How replies are taken away. nfqueue: kernel queues, entered by iptables rules; "
         "ebpf: a program at tc egress (root only, the least CPU a reply); mirred: redirected to a "
         "sink; route: on an assistant host that replies are routed to")
      ->capture_default_str()
      ->check(CLI::IsMember({"nfqueue", "ebpf", "mirred", "route"}))
      ->type_name("METHOD");
  app.add_option("--device", o.devices, "mirred, route: only these devices")
      ->delimiter(',')
      ->type_name("DEV");
  app.add_option("--reader", a.reader,
                 "route: what reads them there. ring: a packet ring (cheapest); pcap: libpcap, "
                 "with any filter")
      ->capture_default_str()
      ->check(CLI::IsMember({"ring", "pcap"}))
      ->type_name("READER");
  app.add_option("-F,--filter", o.expression,
                 "--reader=pcap: what is read, see pcap-filter(7); by default the service ports")
      ->type_name("EXPRESSION");
  app.add_option("--counters", o.counters_file,
                 "Write counters here as JSON, on exit and on SIGUSR1")
      ->type_name("FILE");
  app.add_flag("--keep-rules", o.keep_rules,
               "Leave what was set up on exit in any case: replies go on being dropped");
  app.add_flag("--print-setup", a.print_setup, "Print the set-up as commands, and exit");
  app.add_flag("--detach", a.detach, "Remove what an earlier run left, and exit");
  app.add_flag("--check", a.check, "Say what on this host would break mirroring, and exit");
  app.add_option("--client", a.clients, "--check: an address clients have; is there a route back?")
      ->delimiter(',')
      ->type_name("ADDR");
}

bool is_network(const std::string& text) {
  const auto slash = text.find('/');
  const auto address = wire::IpAddress::parse(text.substr(0, slash));
  if (!address || text.front() == '[') return false;
  if (slash == std::string::npos) return true;
  unsigned bits = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
  return error == std::errc{} && stop == end && bits <= address->bytes().size() * 8;
}

Via via_of(const std::string& name) {
  for (const Via via : {Via::ebpf, Via::mirred, Via::route}) {
    if (name == to_string(via)) return via;
  }
  return Via::nfqueue;
}

// Empty, or what is wrong with the way of interception.
std::string settle_via(Arguments& a) {
  auto& o = a.options;
  o.via = via_of(a.via);
  o.reader = a.reader == "pcap" ? Reader::pcap : Reader::ring;
  if (o.reader == Reader::pcap && o.via != Via::route) return "--reader=pcap is for --via=route";
  if (!o.expression.empty() && o.reader != Reader::pcap) return "--filter is for --reader=pcap";
  if (o.queues > 1 && o.via != Via::nfqueue) return "--queues is for --via=nfqueue";
  if (o.queue + o.queues - 1 > 65535) return "--queue-num and --queues: beyond queue 65535";
  if (!o.devices.empty() && o.via != Via::mirred && o.via != Via::route) {
    return "--device is for --via=mirred and --via=route";
  }
  return {};
}

// Empty, or what is wrong.
std::string settle(Arguments& a) {
  auto& o = a.options;
  if (a.check + a.print_setup + a.detach > 1)
    return "--check, --print-setup and --detach exclude each other";
  o.action = a.check         ? Action::check
             : a.print_setup ? Action::print_setup
             : a.detach      ? Action::detach
                             : Action::serve;
  if (o.service_ports.empty() && o.action != Action::detach)
    return "--service-port is missing: which service of this host is mirrored to?";
  if (auto wrong = settle_via(a); !wrong.empty()) return wrong;
  for (const auto& text : o.passed) {
    if (!is_network(text)) return "--pass " + text + ": not ADDR or ADDR/LEN";
  }
  for (const auto& text : a.clients) {
    const auto address = wire::IpAddress::parse(text);
    if (!address) return "--client " + text + ": not an address";
    o.clients.push_back(*address);
  }
  const auto listen = wire::Endpoint::parse(a.listen);
  if (!listen) return "--listen " + a.listen + ": not ADDR:PORT";
  o.listen = *listen;
  if (o.action != Action::serve) return {};
  return os::require_key(listen->address.is_loopback(), !o.key_file.empty(), a.no_auth,
                         "--listen " + a.listen);
}
}  // namespace

const char* to_string(Via via) {
  switch (via) {
    case Via::nfqueue:
      return "nfqueue";
    case Via::ebpf:
      return "ebpf";
    case Via::mirred:
      return "mirred";
    case Via::route:
      return "route";
  }
  return "";
}

std::string InterceptOptions::detach_command() const {
  std::string text = "mirror-intercept --detach ";
  if (via != Via::nfqueue) text += std::string("--via ") + to_string(via) + " ";
  text += "--service-port ";
  for (size_t i = 0; i < service_ports.size(); ++i) {
    text += (i > 0 ? "," : "") + std::to_string(service_ports[i]);
  }
  for (size_t i = 0; i < devices.size(); ++i) text += (i > 0 ? "," : " --device ") + devices[i];
  return text + " --queue-num " + std::to_string(queue);
}

tl::expected<InterceptOptions, int> parse_intercept_options(int argc, const char* const* argv) {
  Arguments a;
  CLI::App app{
      "mirror-intercept: takes the replies of this test host's services away, so that no real\n"
      "client sees one, and returns their TCP/IP headers to mirror-copy.\n"
      "Runs on the test host (--via=route: on its assistant), as root or with CAP_NET_ADMIN."};
  app.footer(kExample);
  app.get_formatter()->column_width(34);
  app.set_version_flag(
      "--version", std::string("mirror-intercept ") + MIRRORLAB_VERSION + StealProgram::built());
  declare(app, a);
  const auto usage_error = [](const std::string& text) {
    std::cerr << "mirror-intercept: " << text << '\n' << kExample << '\n';
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

}  // namespace mirrorlab::intercept
