#include "intercept/driver/route_interception.h"

#include <fstream>

#include "intercept/driver/pcap_replies.h"
#include "intercept/driver/ring_replies.h"
#include "os/devices.h"

namespace mirrorlab::intercept {

namespace {
constexpr const char* kProcNet = "/proc/sys/net";

std::string sysctl_name(std::string path) {
  for (char& c : path) c = c == '/' ? '.' : c;
  return "net." + path;
}
}  // namespace

std::vector<std::string> forwarding_switches(const std::string& device,
                                             const std::string& proc_net) {
  // IPv4 looks at the arriving device alone; IPv6 at either.
  const std::vector<std::string> paths = {"ipv4/conf/" + device + "/forwarding",
                                          "ipv6/conf/all/forwarding",
                                          "ipv6/conf/" + device + "/forwarding"};
  std::vector<std::string> on;
  for (const auto& path : paths) {
    std::ifstream in(proc_net + "/" + path);
    int value = 0;
    if (in >> value && value != 0) on.push_back(sysctl_name(path));
  }
  return on;
}

tl::expected<std::vector<std::string>, std::string> RouteInterception::arrivals() const {
  // Why: of what the kernel does not know, forwarding cannot be looked at.
  if (auto here = os::require_devices(options_.devices); !here) return tl::unexpected(here.error());
  if (!options_.devices.empty()) return options_.devices;
  std::vector<std::string> names;
  for (const auto& device : os::devices()) {
    if (!device.loopback) names.push_back(device.name);
  }
  if (names.size() == 1) return names;
  // Why not all of them: a bridge and its ports, a VLAN and its device show each packet twice.
  return tl::unexpected("this host has " + std::to_string(names.size()) +
                        " network devices: name the one by which replies arrive with --device");
}

tl::expected<Interception::Sources, std::string> RouteInterception::open() {
  const auto devices = arrivals();
  if (!devices) return tl::unexpected(devices.error());
  if (auto good = follow_changes(); !good) return tl::unexpected(good.error());
  Sources sources;
  for (const auto& device : *devices) {
    auto source = reader(device);
    if (!source) return tl::unexpected(source.error());
    sources.push_back(std::move(*source));
  }
  return sources;
}

tl::expected<std::unique_ptr<ReplySource>, std::string> RouteInterception::reader(
    const std::string& device) const {
  const auto& o = options_;
  auto filter = reply_filter(FilterUse::socket, o.service_ports, o.passed);
  if (o.reader == Reader::pcap) {
    auto pcap = PcapReplies::open(
        {device, o.expression, o.service_ports, std::move(filter), o.queue_length});
    if (!pcap) return tl::unexpected(pcap.error());
    return std::make_unique<PcapReplies>(std::move(*pcap));
  }
  auto ring =
      RingReplies::open(device, RingReplies::Direction::in, std::move(filter), o.queue_length);
  if (!ring) return tl::unexpected(ring.error());
  return std::make_unique<RingReplies>(std::move(*ring));
}

tl::expected<std::string, std::string> RouteInterception::install() {
  return std::string("replies routed to this host are read ") +
         (options_.reader == Reader::pcap ? "by libpcap " : "") + "and not forwarded";
}

tl::expected<void, std::string> RouteInterception::follow_changes() {
  for (const auto& f : check()) {
    if (!f.good) return tl::unexpected(f.text + "; " + f.mend);
  }
  return {};
}

std::vector<std::string> RouteInterception::commands() const {
  std::vector<std::string> lines = {
      "# On this host, the assistant:",
      "sysctl -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"};
  // Why each: a device's own switch may be on while those of all are off.
  for (const auto& device : arrivals().value_or(std::vector<std::string>{})) {
    lines.push_back("sysctl -w net.ipv4.conf." + device + ".forwarding=0 net.ipv6.conf." + device +
                    ".forwarding=0");
  }
  lines.push_back("# On the test host, for each network that has clients:");
  lines.push_back("ip route replace CLIENT_NETWORK via " +
                  (options_.listen.address.is_loopback() || options_.listen.address.is_unspecified()
                       ? std::string("ADDRESS_OF_THIS_HOST")
                       : options_.listen.address.to_string()));
  return lines;
}

std::vector<Finding> RouteInterception::check() const {
  const auto devices = arrivals();
  if (!devices) return {{false, devices.error(), "see `ip link`; e.g. --device eth0"}};
  std::vector<Finding> all;
  for (const auto& device : *devices) {
    for (const auto& name : forwarding_switches(device, kProcNet)) {
      all.push_back({false, name + " is on: this host would forward the replies to clients",
                     "sysctl -w " + name + "=0"});
    }
  }
  if (all.empty()) all.push_back({true, "this host does not forward what arrives", {}});
  return all;
}

}  // namespace mirrorlab::intercept
