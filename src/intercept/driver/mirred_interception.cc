#include "intercept/driver/mirred_interception.h"

#include <algorithm>

#include "intercept/driver/instance_lock.h"
#include "intercept/driver/ring_replies.h"

namespace mirrorlab::intercept {

std::vector<Words> MirredInterception::sink_commands() const {
  // No address, no ARP, no IPv6 of its own: what arrives at the drain is for another host's link
  // address, and ends there.
  return {{"ip", "link", "add", sink(), "type", "veth", "peer", "name", drain()},
          {"ip", "link", "set", sink(), "arp", "off", "addrgenmode", "none", "up"},
          {"ip", "link", "set", drain(), "arp", "off", "addrgenmode", "none", "up"}};
}

Words MirredInterception::redirect_command(const std::string& device) const {
  Words words = filter_command("replace", device, place());
  const auto program = reply_filter(FilterUse::tc, options_.service_ports, options_.passed);
  words.insert(words.end(), {"bytecode", bytecode_text(program), "action", "mirred", "egress",
                             "redirect", "dev", sink()});
  return words;
}

std::vector<os::Device> MirredInterception::redirectable_devices() {
  auto all = os::devices();
  std::erase_if(all, [](const os::Device& d) {
    return d.loopback || d.name.starts_with("mi-sink") || d.name.starts_with("mi-drain");
  });
  return all;
}

std::vector<os::Device> MirredInterception::covered_devices() const {
  auto all = redirectable_devices();
  if (options_.devices.empty()) return all;
  std::erase_if(all, [&](const os::Device& d) {
    return std::ranges::find(options_.devices, d.name) == options_.devices.end();
  });
  return all;
}

tl::expected<Interception::Sources, std::string> MirredInterception::open() {
  if (auto here = os::require_devices(options_.devices); !here) return tl::unexpected(here.error());
  auto lock = lock_instance("mirred-" + std::to_string(options_.queue));
  if (!lock) return tl::unexpected(lock.error());
  lock_ = std::move(*lock);
  // A sink that an earlier run left is used again: while it is there, its filters redirect to it.
  const auto present = os::devices();
  const bool there = std::ranges::any_of(present, [&](const auto& d) { return d.name == sink(); });
  const auto commands = sink_commands();
  for (size_t i = there ? 1 : 0; i < commands.size(); ++i) {
    if (auto wrong = attempt(commands[i]); !wrong.empty()) {
      return tl::unexpected("cannot make the sink: " + wrong);
    }
  }
  auto ring = RingReplies::open(sink(), RingReplies::Direction::out,
                                reply_filter(FilterUse::socket, options_.service_ports, {}),
                                options_.queue_length);
  if (!ring) return tl::unexpected(ring.error());
  Sources sources;
  sources.push_back(std::make_unique<RingReplies>(std::move(*ring)));
  return sources;
}

tl::expected<void, std::string> MirredInterception::follow_changes() {
  std::set<int> present;
  for (const auto& device : covered_devices()) {
    present.insert(device.index);
    if (covered_.contains(device.index) && has_filter(device.name, place())) continue;
    if (!device.ethernet) {
      return tl::unexpected(device.name +
                            " is no Ethernet device: replies cannot be redirected from there; "
                            "name the others with --device, or use --via=nfqueue");
    }
    if (auto ready = need_clsact(device.name); !ready) return ready;
    if (auto wrong = attempt(redirect_command(device.name)); !wrong.empty()) {
      return tl::unexpected(wrong);
    }
  }
  covered_ = std::move(present);
  return {};
}

tl::expected<std::string, std::string> MirredInterception::install() {
  if (auto done = follow_changes(); !done) return tl::unexpected(done.error());
  return "tc egress of " + std::to_string(covered_.size()) + " device(s) redirected to " + sink();
}

tl::expected<void, std::string> MirredInterception::at_rest() {
  return lock_instance("mirred-" + std::to_string(options_.queue)).map([](os::Fd) {});
}

void MirredInterception::remove() {
  // Wherever they are: a filter that is left would redirect to a sink that is gone.
  for (const auto& device : redirectable_devices()) remove_filters(device.name, {place()});
  covered_.clear();
  // Fails where there is none: then there is nothing to remove.
  static_cast<void>(attempt({"ip", "link", "del", sink()}));
}

std::vector<std::string> MirredInterception::commands() const {
  std::vector<std::string> lines;
  for (const auto& words : sink_commands()) lines.push_back(join(words));
  for (const auto& device : covered_devices()) {
    lines.push_back(join(clsact_command(device.name)));
    lines.push_back(join(redirect_command(device.name)));
  }
  return lines;
}

std::vector<Finding> MirredInterception::check() const {
  std::vector<Finding> all;
  if (auto here = os::require_devices(options_.devices); !here) {
    all.push_back({false, here.error(), "see `ip link`"});
  }
  for (const auto& device : covered_devices()) {
    if (device.ethernet) continue;
    all.push_back({false, device.name + " is no Ethernet device: replies cannot be redirected",
                   "name the others with --device, or use --via=nfqueue"});
  }
  const auto program = reply_filter(FilterUse::tc, options_.service_ports, options_.passed);
  if (program.size() > kMaxClassicInstructions) {
    all.push_back({false, "too many ports and passed networks for one filter",
                   "pass fewer, larger networks, or use --via=nfqueue"});
  }
  const auto wrong = attempt({"tc", "-V"});
  all.push_back({wrong.empty(), wrong.empty() ? "tc is installed" : wrong,
                 wrong.empty() ? "" : "apt-get install iproute2"});
  return all;
}

}  // namespace mirrorlab::intercept
