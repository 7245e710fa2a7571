// A TPACKET_V3 receive ring: packets are read where the kernel put them, a block at a time.
//
// The ring is not bounded by net.core.rmem_max, so it holds a burst for an ordinary user as well.
// Blocks are handed over when full or when the timer retires them. Threads: one reader.
// Source: Linux Documentation/networking/packet_mmap.rst.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"
#include "wire/bytes.h"

namespace mirrorlab::os {

class PacketRing {
 public:
  struct Options {
    std::string device;               // of the current network namespace; empty: all of them
    uint32_t ring_bytes = 64U << 20;  // a multiple of block_bytes
    uint32_t block_bytes = 1U << 18;  // a power of two and of pages; bounds the largest packet
    uint32_t retire_ms = 1;           // how long a block that is not full may wait
    bool ignore_outgoing = false;     // packets this host sends are left out
    std::vector<sock_filter> filter;  // how much of a packet is kept; empty: all of all
  };

  struct Packet {
    wire::Bytes bytes;        // from the IP header on; valid until the next read
    uint32_t wire_bytes = 0;  // length before any cut
    int64_t time_ns = 0;      // CLOCK_REALTIME, the kernel's stamp
    uint8_t kind = 0;         // PACKET_HOST, PACKET_OUTGOING ... (sll_pkttype)
    uint16_t protocol = 0;    // ETH_P_IP ...
    bool tagged = false;      // by a VLAN tag that the kernel keeps beside the packet
    uint16_t tag = 0;
    bool checksum_open = false;   // an offload left the checksum to be filled in
    bool checksum_valid = false;  // a device or the kernel has checked it
  };

  struct Statistics {
    uint64_t packets = 0;  // seen by the socket, the dropped ones included
    uint64_t drops = 0;    // no room in the ring
  };

  static tl::expected<PacketRing, std::string> open(const Options& options);
  PacketRing(PacketRing&& other) noexcept;
  PacketRing& operator=(PacketRing&&) = delete;
  ~PacketRing();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Hands every packet of the next block to `take`; false when no block is ready.
  template <typename Take>
  bool read_block(const Take& take) {
    return read_block(take, [] {});
  }
  // `done` is called before the block's memory goes back to the kernel.
  template <typename Take, typename Done>
  bool read_block(const Take& take, const Done& done) {
    Cursor at = acquire();
    if (at.left == 0 && !at.empty_block) return false;
    taken_ += at.left;
    while (at.left > 0) take(next(at));
    done();
    release();
    return true;
  }
  // Shares the packets with the other rings of a group, by the program `split`; the ring that finds
  // `group` negative makes it. Rings are numbered in the order in which they join.
  tl::expected<void, std::string> join(int& group, const std::vector<sock_filter>& split);
  // Packets are in the ring that were not read, also in a block that is not handed over yet.
  [[nodiscard]] bool unread();
  // Adds up since open(); reading resets the kernel's own figures.
  Statistics statistics();

 private:
  struct Cursor {
    const uint8_t* header = nullptr;
    uint32_t left = 0;
    bool empty_block = false;
  };
  PacketRing() = default;
  [[nodiscard]] Cursor acquire() const;
  [[nodiscard]] static Packet next(Cursor& at);
  void release();

  Fd fd_;
  uint8_t* memory_ = nullptr;
  size_t memory_bytes_ = 0;
  uint32_t block_bytes_ = 0;
  uint32_t blocks_ = 0;
  uint32_t current_ = 0;
  Statistics total_;
  uint64_t taken_ = 0;
};

}  // namespace mirrorlab::os
