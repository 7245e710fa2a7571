// What every capture does with one packet it was given: whole or not, a fragment or not, its
// checksum right or not; then it is handed on or counted. Nothing else becomes data.
//
// Packets are handed on by several, so that who takes them can fetch what each needs while it works
// on the others. The owner calls hand_over() before the memory it gave them from is used again.
//
// Threads: one. Limits: those of wire::FragmentTable; PacketSource::kMostAtOnce packets wait.
#pragma once

#include "os/clock.h"
#include "os/packet_source.h"
#include "wire/ip_fragments.h"

namespace mirrorlab::os {

enum class ChecksumState : uint8_t {
  vouched,  // a device checked it, or an offload has still to fill it in
  verify,   // nobody vouched: it must be right
  // The capture cannot say. It must be right, or be what an offload leaves in the field: the sum of
  // the pseudo header alone.
  unknown,
};

class PacketIntake {
 public:
  // `ip` begins at the IP header. `whole_bytes`: its length before the capture cut it.
  void take(wire::Bytes ip, size_t whole_bytes, ChecksumState checksum,
            const PacketSource::Take& take);
  // A segment the kernel has already freed from its IP header.
  void take_segment(const wire::IpAddress& src, const wire::IpAddress& dst, wire::Bytes tcp,
                    const PacketSource::Take& take);
  // Several threads see the same packets: each takes its clients' own, and what belongs to nobody
  // is counted by the first.
  void set_split(const FlowSplit& split) { split_ = split; }
  // Gives what waits.
  void hand_over(const PacketSource::Take& take);
  CaptureCounters& counters() { return counters_; }

 private:
  void take_fragment(wire::Bytes ip, const PacketSource::Take& take);
  void hand_on(const wire::TcpPacket& packet, ChecksumState checksum,
               const PacketSource::Take& take);
  void add(const wire::TcpPacket& packet, const PacketSource::Take& take);

  std::vector<wire::TcpPacket> waiting_ = std::vector<wire::TcpPacket>(PacketSource::kMostAtOnce);
  size_t count_ = 0;  // of waiting_
  FlowSplit split_;
  wire::FragmentTable fragments_;
  CaptureCounters counters_;
};

}  // namespace mirrorlab::os
