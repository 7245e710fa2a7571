#include "harness/cli/kernel_counters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

namespace mirrorlab::cli {

namespace {
// Linux Documentation/networking/snmp_counter.rst.
constexpr std::array<std::string_view, 34> kDrops{
    "Ip.InHdrErrors",
    "Ip.InAddrErrors",
    "Ip.InUnknownProtos",
    "Ip.InDiscards",
    "Ip.OutDiscards",
    "Ip.OutNoRoutes",
    "Ip.ReasmFails",
    "Ip.FragFails",
    "Tcp.InErrs",
    "TcpExt.ListenOverflows",
    "TcpExt.ListenDrops",
    "TcpExt.RcvPruned",
    "TcpExt.OfoPruned",
    "TcpExt.TCPBacklogDrop",
    "TcpExt.TCPRcvQDrop",
    "TcpExt.TCPOFODrop",
    "TcpExt.TCPReqQFullDrop",
    "TcpExt.TCPZeroWindowDrop",
    "TcpExt.TCPMinTTLDrop",
    "TcpExt.TCPDeferAcceptDrop",
    "TcpExt.PFMemallocDrop",
    "TcpExt.IPReversePathFilter",
    "IpExt.InNoRoutes",
    "IpExt.InTruncatedPkts",
    "Ip6.InHdrErrors",
    "Ip6.InAddrErrors",
    "Ip6.InDiscards",
    "Ip6.InNoRoutes",
    "Ip6.InTruncatedPkts",
    "Ip6.InTooBigErrors",
    "Ip6.OutDiscards",
    "Ip6.OutNoRoutes",
    "Ip6.ReasmFails",
    "Ip6.FragFails",
};

void keep(const std::string& name, uint64_t value, DropCounters& into) {
  if (std::ranges::find(kDrops, name) != kDrops.end()) into[name] = value;
}

std::string text_of(const char* path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}
}  // namespace

bool is_outgoing(std::string_view counter) {
  return counter.find(".Out") != std::string_view::npos || counter.ends_with("FragFails");
}

void add_counters(std::string_view text, DropCounters& into) {
  std::istringstream lines{std::string(text)};
  std::string names_line;
  std::string values_line;
  while (std::getline(lines, names_line) && std::getline(lines, values_line)) {
    std::istringstream names(names_line);
    std::istringstream values(values_line);
    std::string group;
    std::string again;
    // "TcpExt: A B ..." and below it "TcpExt: 1 2 ...".
    if (!(names >> group) || !(values >> again) || group != again) return;
    group.pop_back();
    std::string name;
    int64_t value = 0;
    while (names >> name && values >> value) {
      keep(group + "." + name, value < 0 ? 0 : static_cast<uint64_t>(value), into);
    }
  }
}

DropCounters read_drop_counters() {
  DropCounters all;
  add_counters(text_of("/proc/thread-self/net/snmp"), all);
  add_counters(text_of("/proc/thread-self/net/netstat"), all);
  // A counter a line: "Ip6InDiscards 0".
  std::istringstream six(text_of("/proc/thread-self/net/snmp6"));
  std::string name;
  uint64_t value = 0;
  while (six >> name >> value) {
    if (name.starts_with("Ip6")) keep("Ip6." + name.substr(3), value, all);
  }
  return all;
}

std::map<std::string, DeviceDrops> read_device_drops() {
  std::map<std::string, DeviceDrops> all;
  // "dev: " and receive bytes packets errs drop fifo frame compressed multicast, then transmit
  // bytes packets errs drop ...
  std::istringstream lines(text_of("/proc/thread-self/net/dev"));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string device = line.substr(0, colon);
    device.erase(0, device.find_first_not_of(' '));
    if (device == "lo") continue;
    DeviceDrops& drops = all[device];
    std::istringstream fields(line.substr(colon + 1));
    uint64_t value = 0;
    for (int field = 0; field < 12 && fields >> value; ++field) {
      if (field == 3) drops.receiving = value;
      if (field == 11) drops.sending = value;
    }
  }
  return all;
}

ReplyQueues read_reply_queues() {
  ReplyQueues all;
  // A queue a line: number, reader, waiting, copy mode, copy range, dropped full, dropped user, id.
  std::istringstream lines(text_of("/proc/thread-self/net/netfilter/nfnetlink_queue"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::array<uint64_t, 8> f{};
    if (!std::ranges::all_of(f, [&](uint64_t& value) { return bool(fields >> value); })) continue;
    ++all.queues;
    all.waiting += f[2];
    all.dropped_full += f[5];
    all.dropped_user += f[6];
    all.entered += f[7];
  }
  return all;
}

}  // namespace mirrorlab::cli
