// The faults of an earlier run, applied by name in place of chance: the same packets meet the same
// faults, and no others. Immutable once made.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <span>

#include "harness/wirebox/fate.h"
#include "harness/wirebox/fault.h"

namespace mirrorlab::wirebox {

class FaultPlan {
 public:
  // Of `faults`, those of `direction`; what the box did (pool_full) is left out.
  FaultPlan(std::span<const Fault> faults, Direction direction);

  // The fate of a packet; null when it has none but to travel on.
  [[nodiscard]] const Fate* find(const PacketName& packet) const {
    const auto found = fates_.find(packet);
    return found == fates_.end() ? nullptr : &found->second;
  }
  // Packets that meet a fault.
  [[nodiscard]] size_t packets() const { return fates_.size(); }

 private:
  struct Hash {
    size_t operator()(const PacketName& p) const { return scatter(p.flow ^ scatter(p.ordinal)); }
  };
  boost::unordered_flat_map<PacketName, Fate, Hash> fates_;
};

}  // namespace mirrorlab::wirebox
