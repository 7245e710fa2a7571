// The IP packets of a pcap or pcapng file: link headers stripped, nothing judged.
//
// Reads Ethernet (with VLAN, PPPoE, MPLS and FabricPath tags), Linux cooked, loopback, PPP and raw
// IP captures. Limit: kMaxCaptureBytes of packets.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::traffic {

struct CapturedPacket {
  int64_t time_ns = 0;  // since the first packet of the file; never goes backwards
  std::vector<uint8_t> ip;
};

struct CaptureFile {
  std::vector<CapturedPacket> packets;
  size_t not_ip = 0;  // ARP, LLC, cut link headers ...
};

inline constexpr uint64_t kMaxCaptureBytes = 256ULL << 20U;

// The error names the file and what is wrong with it. A file that is cut in its last packet is
// still a capture; its whole packets count.
[[nodiscard]] tl::expected<CaptureFile, std::string> read_capture(const std::string& path);

}  // namespace mirrorlab::traffic
