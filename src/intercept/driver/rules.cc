#include "intercept/driver/rules.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "os/command.h"

namespace mirrorlab::intercept {

namespace {
const Words kJump = {"-p", "tcp", "!", "-o", "lo", "-j"};

Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words in_mangle(const std::string& program, const Words& rest) {
  return joined({program, "-w", "-t", "mangle"}, rest);
}

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

bool has_content(const char* path) {
  std::ifstream in(path);
  return in.peek() != std::ifstream::traits_type::eof();
}
bool ipv6_is_on() { return has_content("/proc/net/if_inet6"); }

// Asking the legacy program would load the legacy tables on a host that does not use them.
bool legacy_is_in_use(const std::string& base) {
  return has_content(base == "iptables" ? "/proc/net/ip_tables_names"
                                        : "/proc/net/ip6_tables_names");
}

std::string version_of(const std::string& program) {
  const auto said = os::run_command({program, "--version"});
  return said && said->status == 0 ? said->output : program;
}
}  // namespace

Rules::Rules(std::vector<uint16_t> service_ports, uint16_t queue, uint16_t queues,
             std::vector<std::string> passed)
    : ports_(std::move(service_ports)), queue_(queue), queues_(queues), passed_(std::move(passed)) {
  std::ranges::sort(ports_);
  ports_.erase(std::ranges::unique(ports_).begin(), ports_.end());
}

std::vector<Words> Rules::chain_rules(bool v6) const {
  std::vector<Words> all;
  for (const auto& address : passed_) {
    if (is_v6(address) == v6) all.push_back({"-d", address, "-j", "RETURN"});
  }
  const std::string first = std::to_string(queue_);
  const Words target = queues_ == 1 ? Words{"-j", "NFQUEUE", "--queue-num", first}
                                    : Words{"-j", "NFQUEUE", "--queue-balance",
                                            first + ":" + std::to_string(queue_ + queues_ - 1)};
  for (const uint16_t port : ports_) {
    all.push_back(joined({"-p", "tcp", "--sport", std::to_string(port)}, target));
  }
  return all;
}

std::vector<std::string> Rules::commands() const {
  std::vector<std::string> lines;
  for (const bool v6 : {false, true}) {
    const std::string program = v6 ? "ip6tables" : "iptables";
    lines.push_back(join(in_mangle(program, {"-N", chain()})));
    for (const auto& rule : chain_rules(v6)) {
      lines.push_back(join(in_mangle(program, joined({"-A", chain()}, rule))));
    }
    lines.push_back(join(in_mangle(program, joined(joined({"-I", "OUTPUT"}, kJump), {chain()}))));
  }
  return lines;
}

tl::expected<void, std::string> Rules::install_with(const std::string& program, bool v6) {
  if (auto wrong = attempt(in_mangle(program, {"-S", "OUTPUT"})); !wrong.empty()) {
    return tl::unexpected(wrong);
  }
  // --noflush: only chains named here are replaced, and this one chain in one transaction.
  std::string text = "*mangle\n:" + chain() + " - [0:0]\n";
  for (const auto& rule : chain_rules(v6)) text += "-A " + chain() + " " + join(rule) + "\n";
  text += "COMMIT\n";
  if (auto wrong = attempt({program + "-restore", "-w", "--noflush"}, text); !wrong.empty()) {
    return tl::unexpected(wrong + " (does the kernel have NFQUEUE, xt_NFQUEUE?)");
  }
  const Words jump = joined(kJump, {chain()});
  if (attempt(in_mangle(program, joined({"-C", "OUTPUT"}, jump))).empty()) return {};
  // First, so that no rule that accepts earlier lets a reply through.
  auto wrong = attempt(in_mangle(program, joined({"-I", "OUTPUT"}, jump)));
  if (!wrong.empty()) return tl::unexpected(wrong);
  return {};
}

tl::expected<std::string, std::string> Rules::install_family(const std::string& base, bool v6) {
  std::string all_wrong;
  for (const char* variant : {"", "-nft", "-legacy"}) {
    const std::string program = base + variant;
    const auto done = install_with(program, v6);
    if (done) return version_of(program);
    all_wrong += (all_wrong.empty() ? "" : "; ") + done.error();
  }
  return tl::unexpected(all_wrong);
}

tl::expected<std::string, std::string> Rules::install() {
  const auto v4 = install_family("iptables", false);
  if (!v4) {
    remove();
    return tl::unexpected("cannot install the rules: " + v4.error() +
                          "; run as root or with CAP_NET_ADMIN, with the package iptables "
                          "installed");
  }
  if (!ipv6_is_on()) return *v4 + "; IPv6 is off on this host";
  const auto v6 = install_family("ip6tables", true);
  if (!v6) return *v4 + "; no IPv6 rules, do not mirror to an IPv6 address: " + v6.error();
  return *v4 + ", " + *v6;
}

void Rules::remove_with(const std::string& program) {
  const Words jump = joined(joined({"-D", "OUTPUT"}, kJump), {chain()});
  while (attempt(in_mangle(program, jump)).empty()) {
  }
  // Fails where there is none: then there is nothing to remove.
  static_cast<void>(attempt(in_mangle(program, {"-F", chain()})));
  static_cast<void>(attempt(in_mangle(program, {"-X", chain()})));
}

void Rules::remove() {
  for (const std::string base : {"iptables", "ip6tables"}) {
    if (base == "ip6tables" && !ipv6_is_on()) continue;
    remove_with(base);
    if (legacy_is_in_use(base)) remove_with(base + "-legacy");
  }
}

}  // namespace mirrorlab::intercept
