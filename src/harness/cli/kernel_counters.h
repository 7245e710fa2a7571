// What a kernel gave up in a network namespace, by its own counters, and what it queued for
// intercept engines. All of it is read in the caller's namespace.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace mirrorlab::cli {

// Counters of packets that never got where they were going: "TcpExt.ListenOverflows" and the like
// of /proc/net/netstat, snmp and snmp6; those that are not there are left out.
using DropCounters = std::map<std::string, uint64_t>;
[[nodiscard]] DropCounters read_drop_counters();
// A counter of packets that the host was sending.
[[nodiscard]] bool is_outgoing(std::string_view counter);
// The text of /proc/net/netstat or snmp: a line of names, then a line of numbers.
void add_counters(std::string_view text, DropCounters& into);

struct DeviceDrops {
  uint64_t receiving = 0, sending = 0;
};
// By device, without loopback.
[[nodiscard]] std::map<std::string, DeviceDrops> read_device_drops();

struct ReplyQueues {
  uint64_t queues = 0;
  uint64_t waiting = 0, dropped_full = 0, dropped_user = 0;
  uint64_t entered = 0;  // given a number
};
// All queues of /proc/net/netfilter/nfnetlink_queue together.
[[nodiscard]] ReplyQueues read_reply_queues();

}  // namespace mirrorlab::cli
