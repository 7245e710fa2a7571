// The connections there was no session for, so that what they repeat is not counted again, and that
// one which finds room later is still the same connection.
//
// Bounded: 16,384 of them, in sets of four; the oldest of a full set is forgotten. What a forgotten
// one sends afterwards counts from there on. No memory before the first refusal.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/core/loss_reason.h"
#include "wire/packet.h"
#include "wire/seq.h"

namespace mirrorlab::engine {

class RefusedConnections {
 public:
  struct News {
    bool connection = false;  // a SYN not seen before
    uint64_t bytes = 0;       // of the stream, not known before: also those it shows to be missing
  };
  struct Known {
    bool counted = false;  // its SYN was
    bool has_older = false;
    LossReason reason = LossReason::none;
    wire::Seq zero;   // of stream offset 0, where the SYN was counted
    wire::Seq older;  // that of the connection before it
  };

  [[nodiscard]] bool empty() const { return sets_.empty(); }
  // `hash`: of client and online endpoint.
  News note(uint64_t hash, const wire::TcpPacket& packet, LossReason reason);
  [[nodiscard]] bool has(uint64_t hash) const { return find(hash) != nullptr; }
  enum class Place : uint8_t {
    another,  // no connection that is known
    known,    // repeats what is known of one, or comes before what is missing: no place to begin
    next,     // goes on where the known stream ends
  };
  [[nodiscard]] Place place_of(uint64_t hash, const wire::TcpPacket& packet) const;
  // It has a session from here on, or a new connection has its place.
  Known forget(uint64_t hash);
  [[nodiscard]] uint64_t memory_bytes() const { return sets_.capacity() * sizeof(Set); }

 private:
  static constexpr size_t kSets = 4096;
  struct Entry {
    uint64_t hash = 0;
    wire::Seq zero;                        // of stream offset 0, where the SYN was seen
    wire::Seq older;                       // that of the connection before it
    wire::Seq next;                        // behind the last byte known
    LossReason reason = LossReason::none;  // none: free
    bool counted = false;
    bool has_older = false;
  };
  struct Set {
    std::array<Entry, 4> entries;
    uint8_t oldest = 0;
  };

  [[nodiscard]] const Entry* find(uint64_t hash) const;
  Entry& take(uint64_t hash);

  std::vector<Set> sets_;
};

}  // namespace mirrorlab::engine
