// A device opened for live capture by libpcap: what arrives there, without blocking.
#pragma once

#include <pcap/pcap.h>

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "os/pcap_filter.h"

namespace mirrorlab::os {

struct PcapDevice {
  std::string name;
  int snap_bytes = 262144;
  // Why four: libpcap's ring has blocks of 256 KiB, and one that is not full is spent all the same
  // once this time is over. With 64 MiB the reader may stand still for a second.
  int timeout_ms = 4;
  size_t buffer_bytes = 64U << 20U;
};

// The handle has a link type that ip_packet_in() knows and a descriptor to wait for. What this host
// sends is left out. No filter is set.
[[nodiscard]] tl::expected<PcapHandle, std::string> open_pcap_device(const PcapDevice& device);
// Packets for which there was no room; nothing when libpcap cannot tell.
[[nodiscard]] std::optional<uint64_t> pcap_drops(pcap_t* handle);

}  // namespace mirrorlab::os
