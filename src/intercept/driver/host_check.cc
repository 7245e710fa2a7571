#include "intercept/driver/host_check.h"

#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "os/command.h"
#include "os/error.h"
#include "os/stream_socket.h"

namespace mirrorlab::intercept {

namespace {
using Findings = std::vector<Finding>;

std::string read_line(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// Strict and loose reverse-path filtering drop a client's mirrored packets before TCP sees them
// when the route back to that client leads elsewhere, or nowhere.
void check_rp_filter(Findings& all) {
  const std::filesystem::path conf = "/proc/sys/net/ipv4/conf";
  const std::string everywhere = read_line(conf / "all/rp_filter");
  bool good = true;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(conf, error)) {
    const std::string name = entry.path().filename();
    if (name == "all" || name == "default" || name == "lo") continue;
    const std::string effective = std::max(everywhere, read_line(entry.path() / "rp_filter"));
    if (effective != "1") continue;
    good = false;
    all.push_back(
        {false,
         "rp_filter is strict on " + name +
             ": mirrored packets are dropped unless the route to each client leads out "
             "of " +
             name,
         "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf." + name + ".rp_filter=0"});
  }
  if (good) all.push_back({true, "rp_filter is not strict on any device", {}});
}

// Without a route to the client TCP never sends a SYN-ACK, so there is no reply to take.
void check_route(Findings& all, const wire::IpAddress& client) {
  const os::Fd fd(::socket(client.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage to;
  const socklen_t length = os::fill_address({client, 9}, to);
  const bool good =
      fd.valid() && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), length) == 0;
  const int reason = errno;
  const std::string text = client.to_string();
  if (good) {
    all.push_back({true, "there is a route back to " + text, {}});
  } else {
    all.push_back({false, os::error_text("no route back to " + text, reason),
                   "ip route add default via GATEWAY, any gateway will do: the replies do not "
                   "leave this host"});
  }
}

void check_conntrack(Findings& all) {
  bool good = true;
  for (const std::string program : {"iptables-save", "ip6tables-save"}) {
    const auto saved = os::run_command({program});
    if (!saved || saved->status != 0) continue;
    for (const auto& rule : rules_that_drop_invalid(saved->output)) {
      good = false;
      all.push_back({false, program + " shows `" + rule + "`: it may drop mirrored packets",
                     "let the service's port pass before that rule"});
    }
  }
  if (good) all.push_back({true, "no rule drops packets in conntrack state INVALID", {}});
}

void check_listen(Findings& all, const wire::Endpoint& endpoint) {
  const auto fd = os::listen_on(endpoint);
  if (fd) {
    all.push_back({true, "the header return can listen on " + endpoint.to_string(), {}});
  } else {
    all.push_back({false, fd.error(), "name a free address of this host with --listen"});
  }
}

// A reply that is dropped so is never sent for the test host's TCP: it takes no ack for it.
void check_drops(Findings& all, const std::vector<uint16_t>& ports) {
  bool good = true;
  for (const std::string program : {"iptables-save", "ip6tables-save"}) {
    const auto saved = os::run_command({program});
    if (!saved || saved->status != 0) continue;
    for (const auto& rule : rules_that_drop_replies(saved->output, ports)) {
      good = false;
      all.push_back({false,
                     program + " shows `" + rule +
                         "`: a reply dropped there was never sent for the test host's TCP",
                     "remove that rule: mirror-intercept takes replies away by itself"});
    }
  }
  if (good) all.push_back({true, "no rule of this host drops the service's replies", {}});
}
}  // namespace

std::vector<std::string> rules_that_drop_invalid(const std::string& saved_rules) {
  std::vector<std::string> found;
  std::istringstream in(saved_rules);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("-A ") || line.find("INVALID") == std::string::npos) continue;
    if (line.find("-j DROP") == std::string::npos && line.find("-j REJECT") == std::string::npos)
      continue;
    found.push_back(line);
  }
  return found;
}

std::vector<std::string> rules_that_drop_replies(const std::string& saved_rules,
                                                 const std::vector<uint16_t>& ports) {
  std::vector<std::string> found;
  std::istringstream in(saved_rules);
  for (std::string line; std::getline(in, line);) {
    const std::string rule = line + " ";
    if (!rule.starts_with("-A OUTPUT ") && !rule.starts_with("-A POSTROUTING ")) continue;
    if (rule.find("-j DROP ") == std::string::npos && rule.find("-j REJECT ") == std::string::npos)
      continue;
    for (const uint16_t port : ports) {
      if (rule.find("--sport " + std::to_string(port) + " ") == std::string::npos) continue;
      found.push_back(line);
      break;
    }
  }
  return found;
}

std::vector<Finding> check_host(const InterceptOptions& options, const Interception& method) {
  Findings all = method.check();
  check_listen(all, options.listen);
  // What follows concerns the test host; --via=route runs on its assistant.
  if (options.via == Via::route) return all;
  check_rp_filter(all);
  auto clients = options.clients;
  // TEST-NET-3 stands for any client beyond this host's own networks.
  if (clients.empty()) clients.push_back(*wire::IpAddress::parse("203.0.113.1"));
  for (const auto& client : clients) check_route(all, client);
  check_conntrack(all);
  check_drops(all, options.service_ports);
  return all;
}

}  // namespace mirrorlab::intercept
