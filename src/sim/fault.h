// Everything that goes wrong in a run, each with a name of its own, so that a run can be repeated
// with some of it left out (--shrink).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/packet.h"
#include "sim/random.h"

namespace mirrorlab::sim {

enum class FaultKind : uint8_t {
  loss,
  corruption,  // the receiving interface drops it: bad checksum
  duplicate,
  delay,       // long enough for later packets to overtake
  truncation,  // captured, but not all of its payload
  link_break,  // of the header return
  intercept_restart,
  engine_restart,
  engine_stop_and_start,  // with a shutdown before
};
[[nodiscard]] const char* to_string(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::loss;
  Hop hop = Hop::count_;
  uint32_t slot = 0;     // which 4-tuple
  uint32_t ordinal = 0;  // of the packet in hop and slot, or of the timed fault
  auto operator<=>(const Fault&) const = default;
  [[nodiscard]] std::string to_string() const;
};

// Percent of packets.
struct Rates {
  double loss = 0, corruption = 0, duplicate = 0, delay = 0, truncation = 0;
  uint32_t burst = 1;  // packets a loss takes with it
};

// Decides the fate of packets as a function of (seed, hop, slot, ordinal) only.
class FaultPlan {
 public:
  explicit FaultPlan(uint64_t seed) : seed_(seed) {}
  // From now on nothing but these happens.
  void allow_only(std::vector<Fault> faults);
  [[nodiscard]] std::vector<Fault> packet_faults(Hop hop, uint32_t slot, const Rates& rates);
  // A fault that some clock or seed asks for; false when it is left out.
  bool happens(const Fault& fault);
  [[nodiscard]] const std::vector<Fault>& applied() const { return applied_; }
  [[nodiscard]] bool any(FaultKind kind) const;
  [[nodiscard]] bool any(Hop hop) const;
  // Something did not arrive at all; a packet that is late or comes twice is not lost.
  [[nodiscard]] bool lost(Hop hop) const;

 private:
  uint64_t seed_;
  std::optional<std::vector<Fault>> allowed_;
  std::vector<Fault> applied_;
  std::vector<std::array<uint32_t, static_cast<size_t>(Hop::count_)>> ordinals_;
};

}  // namespace mirrorlab::sim
