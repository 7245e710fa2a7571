// Where the copy engine's packets come from: inbound TCP packets, whole, from the IP header on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/flow_split.h"
#include "wire/packet.h"

namespace mirrorlab::os {

enum class CaptureWay : uint8_t { packet, packet_lowlatency, raw_ip, pcap, pcap_file, ebpf };

struct CaptureOptions {
  CaptureWay way = CaptureWay::packet;
  std::string device;           // empty: all
  std::vector<uint16_t> ports;  // destination ports
  size_t buffer_bytes = 64U << 20U;
  std::string expression;       // pcap, pcap_file: in place of the filter made of `ports`
  std::string file;             // pcap_file
  double speed = 1;             // pcap_file: how many times faster than it was recorded
  int64_t longest_gap_ns = -1;  // pcap_file: longer silences are cut to this; -1: none is
  FlowSplit split;              // only packets of this thread's clients are taken
  // The kernel's number of the threads' fan-out group; the first thread's capture finds it.
  std::shared_ptr<int> fanout_group;
};

// Every packet that reaches a capture is counted in exactly one of packets, ..., vlan_outer.
struct CaptureCounters {
  uint64_t packets = 0;       // handed on
  uint64_t kernel_drops = 0;  // the buffer was full: --capture-buffer
  uint64_t bad_checksum = 0;
  uint64_t fragments = 0;    // IP fragments that never became whole: a capture gap
  uint64_t reassembled = 0;  // IP fragments that did, beside the packet they became
  uint64_t truncated = 0;    // cut by the capture: headers are known, the data is a capture gap
  uint64_t malformed = 0;    // bad header
  uint64_t unwanted = 0;     // passed by a coarse filter, of no interest
  uint64_t not_for_us = 0;   // link-layer address of another host, or sent by this one
  uint64_t vlan_outer = 0;   // seen again on its VLAN device
  uint64_t buffer_bytes = 0;
  uint64_t read_errors = 0;  // e.g. the device went down; the capture goes on
};

class PacketSource {
 public:
  // In the order of capture, at most kMostAtOnce.
  using Take = std::function<void(std::span<const wire::TcpPacket>)>;
  static constexpr size_t kMostAtOnce = 64;
  virtual ~PacketSource() = default;
  // Readable when packets wait.
  [[nodiscard]] virtual int fd() const = 0;
  // Mirroring starts. A file begins to play, so that its first packets find all in place; so do
  // rings that share the packets, once all of them are there.
  virtual void begin() {}
  // Reads one batch; true when there may be more. Packets are valid during their call only.
  virtual bool read(const Take& take) = 0;
  // Packets have come that were not read. Not all of them make fd() readable yet.
  [[nodiscard]] virtual bool unread() { return readable(fd()); }
  // No packet will ever come again; only a file ends.
  [[nodiscard]] virtual bool ended() const { return false; }
  [[nodiscard]] virtual const CaptureCounters& counters() = 0;

 protected:
  [[nodiscard]] static bool readable(int fd);
};

}  // namespace mirrorlab::os
