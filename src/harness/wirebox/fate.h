// What chance decides about a packet: a pure function of (seed, link, direction, flow, ordinal in
// flow). No clock and no shared random state, so the same seed loses the same packets whatever the
// scheduler does.
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/wirebox/fault.h"
#include "harness/wirebox/settings.h"

namespace mirrorlab::wirebox {

// Names one packet of one flow.
struct PacketName {
  uint64_t flow = 0;     // Flow::identity
  uint64_t ordinal = 0;  // counts from 0, per direction

  bool operator==(const PacketName&) const = default;
};

struct Fate {
  bool lost = false;
  Cause cause = Cause::loss;
  bool duplicated = false;
  bool corrupted = false;
  uint8_t overtaken_by = 0;  // packets of its flow that go first
  uint64_t corrupt_bit = 0;  // modulo the bits there are
  double jitter = 0;         // -1 to 1

  // Travels on as it came, at most later.
  [[nodiscard]] bool plain() const {
    return !lost && !duplicated && !corrupted && overtaken_by == 0;
  }
};

// A loss burst lasts 1 to 2 * burst - 1 packets of its flow, evenly. How much of it is left is all
// that passes from one packet to the next; the first packet of a flow may lie within a burst. So it
// is still a function of flow and ordinal alone.
// Why bounded: a flow that sends only retransmissions, further and further apart, would stay for
// minutes in a burst of the geometric kind.
struct BurstState {
  uint32_t left = 0;  // packets of this burst still to come
};

class FateTeller {
 public:
  FateTeller(uint64_t seed, std::string_view link, Direction direction);
  // `burst` is the flow's own, updated; ask for the ordinals of a flow in their order.
  [[nodiscard]] Fate tell(const PacketName& packet, const Settings& settings,
                          BurstState& burst) const;

 private:
  uint64_t base_;
};

// Spreads every input bit over all output bits (the finalizer of splitmix64).
[[nodiscard]] constexpr uint64_t scatter(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27U) * 0x94d049bb133111ebULL;
  return x ^ x >> 31U;
}

}  // namespace mirrorlab::wirebox
