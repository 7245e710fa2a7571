// The IP packets of a pcap or pcapng file, for tests: link headers stripped, nothing judged.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mirrorlab::testing {

struct CapturedPacket {
  int64_t time_ns = 0;  // since the first packet of the file; never goes backwards
  std::vector<uint8_t> ip;
};

struct CaptureFile {
  std::vector<CapturedPacket> packets;
  size_t not_ip = 0;  // ARP, LLC, cut link headers ...
};

// The error names the file and what libpcap says, or a link type that is not known here.
[[nodiscard]] tl::expected<CaptureFile, std::string> read_capture(const std::string& path);

// The captures of tests/captures, by name.
[[nodiscard]] std::vector<std::string> capture_paths(const std::string& directory);

}  // namespace mirrorlab::testing
