// Packets written as Ethernet frames, many by one system call, past the host's IP layer.
//
// A frame carries a vnet header: checksums are left to the device, and successive full segments of
// one connection leave as one super-packet, which the device or the kernel cuts again where they
// were (TSO). A packet above the MTU is cut the same way. What a netfilter OUTPUT rule would do to
// the packets is not done.
// Limits: kPackets and kBytes wait at most. Errors: as RawSender. Threads: one.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"
#include "os/packet_sender.h"
#include "os/route_lookup.h"

namespace mirrorlab::os {

// struct virtio_net_hdr: its own header is no C++ (it has a member called class).
struct VnetHeader {
  static constexpr uint8_t kNeedsChecksum = 1;
  static constexpr uint8_t kTcp4 = 1;
  static constexpr uint8_t kTcp6 = 4;
  uint8_t flags = 0;
  uint8_t gso_type = 0;
  uint16_t header_bytes = 0;  // of all headers, link's included; host byte order like the rest
  uint16_t gso_size = 0;      // payload of each segment
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);

class LinkSender {
 public:
  static tl::expected<LinkSender, std::string> open(SendMany send_many);
  void send(const wire::TcpHeader& header, wire::Bytes payload, const NextHop& hop);
  void flush(Nanos now);
  [[nodiscard]] bool full() const;
  [[nodiscard]] PacketSender::Wait wait() const { return wait_; }
  [[nodiscard]] const SendCounters& counters() const { return counters_; }
  // Once true after an error that says what is known of the routes is old.
  [[nodiscard]] bool take_stale() { return std::exchange(stale_, false); }

  static constexpr size_t kPackets = 2048;
  static constexpr size_t kBytes = 4U << 20U;
  static constexpr size_t kLargestPacket = 65535;

 private:
  static constexpr size_t kBatch = 128;
  static constexpr size_t kEthernetBytes = 14;
  static constexpr size_t kPrefixBytes = sizeof(VnetHeader) + kEthernetBytes;

  struct Frame {
    size_t at = 0;        // in the arena, of the vnet header
    size_t bytes = 0;     // of vnet header, Ethernet header and packet
    size_t segments = 1;  // that were put into it
    int device = 0;
    uint16_t protocol = 0;
  };
  // What the next segment is held against, to grow the frame before it.
  struct Tail {
    bool open = false;
    wire::TcpHeader header;  // seq: of the byte that would follow
    size_t ip_bytes = 0;     // IP header
    size_t head_bytes = 0;   // IP and TCP headers
    size_t segment_bytes = 0;
    MacAddress to{};
  };
  [[nodiscard]] bool grows_tail(const wire::TcpHeader& h, wire::Bytes payload,
                                const NextHop& hop) const;
  void grow_tail(const wire::TcpHeader& h, wire::Bytes payload);
  void seal_tail();
  // Room for a frame, or npos.
  [[nodiscard]] size_t allocate(size_t bytes);
  bool send_batch(size_t count, Nanos now);
  void drop_first(int error);
  void pop(size_t count);

  SendMany send_many_ = nullptr;
  Fd fd_;
  std::vector<uint8_t> arena_;
  size_t arena_end_ = 0;  // where the next frame may begin
  std::vector<Frame> frames_;
  size_t first_ = 0;  // ring: the oldest queued frame
  size_t queued_ = 0;
  Tail tail_;
  uint16_t next_id_ = 1;
  PacketSender::Wait wait_;
  Nanos retry_ = kFirstSendRetry;
  bool stale_ = false;
  SendCounters counters_;
};

}  // namespace mirrorlab::os
