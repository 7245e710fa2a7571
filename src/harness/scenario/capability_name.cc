#include "harness/scenario/capability_name.h"

#include <array>

namespace mirrorlab::scenario {

std::span<const CapabilityName> capability_names() {
  static const std::array<CapabilityName, 24> kNames{{
      {"root", "root, not of a user namespace"},
      {"netns", "network namespaces"},
      {"veth", "veth pairs"},
      {"bridge", "bridges"},
      {"packet", "packet sockets"},
      {"raw", "raw sockets, IPv4"},
      {"nfqueue", "NFQUEUE, IPv4 rule"},
      {"nfqueue6", "NFQUEUE, IPv6 rule"},
      {"raw6", "raw sockets, IPv6"},
      {"reno", "reno congestion control"},
      {"rings", "packet rings (TPACKET_V3)"},
      {"vnet_hdr", "super-packet headers (vnet_hdr)"},
      {"clsact", "clsact"},
      {"tbf", "token bucket (tbf)"},
      {"netem", "netem"},
      {"tun", "tun devices"},
      {"buffers", "64 MiB socket buffers"},
      {"ebpf", "eBPF programs"},
      {"nginx", "nginx"},
      {"wrk", "wrk"},
      {"curl", "curl"},
      {"redis-server", "redis-server"},
      {"redis-benchmark", "redis-benchmark"},
      {"memcached", "memcached"},
  }};
  return kNames;
}

}  // namespace mirrorlab::scenario
