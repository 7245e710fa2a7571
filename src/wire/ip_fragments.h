// IP fragments put together again (RFC 791, 815; RFC 8200 section 4.5), for TCP only.
//
// A datagram whose fragments overlap is given up (RFC 5722), also for IPv4: nobody fragments TCP
// so but an attacker. Limits: kDatagrams at a time, kMaxBytes each, kPatience; what goes beyond is
// given up and counted. Threads: one. Time is an argument, in nanoseconds of a monotonic clock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "wire/bytes.h"
#include "wire/flow.h"

namespace mirrorlab::wire {

class FragmentTable {
 public:
  static constexpr size_t kDatagrams = 64;
  static constexpr size_t kMaxBytes = 65535;
  static constexpr int64_t kPatience = 30'000'000'000;

  struct Whole {
    Bytes packet;  // valid until the next add(): an IP packet without fragmentation
    uint32_t fragments = 0;
  };
  // Adds a fragment; the packet when it is the last that was missing.
  std::optional<Whole> add(Bytes fragment, int64_t now);
  // Fragments that will never become a packet.
  [[nodiscard]] uint64_t lost() const { return lost_; }

 private:
  struct Piece;
  struct Range {
    uint32_t begin;
    uint32_t end;
  };
  struct Datagram {
    IpAddress src;
    IpAddress dst;
    uint32_t id = 0;
    int64_t deadline = 0;
    uint32_t payload_bytes = 0;  // once the last fragment is here
    bool last_seen = false;
    uint32_t fragments = 0;
    std::vector<uint8_t> header;
    std::vector<uint8_t> payload;
    std::vector<Range> held;  // sorted, disjoint
  };
  Datagram& find(const Piece& piece, int64_t now);
  bool insert(Datagram& datagram, const Piece& piece);
  void give_up(size_t index);

  std::vector<Datagram> datagrams_;
  std::vector<uint8_t> whole_;
  uint64_t lost_ = 0;
};

}  // namespace mirrorlab::wire
