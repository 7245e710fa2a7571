// The flows of a link, both directions of one in one entry.
//
// A flow is named by who opened it toward whom, and by how many such there were before: not by the
// opener's port, which the kernel draws at random. So the third connection of a client meets the
// same fate in every run. Bounded: at kMaxFlows all are forgotten, which is counted.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

#include "harness/wirebox/fate.h"
#include "harness/wirebox/frame.h"

namespace mirrorlab::wirebox {

inline constexpr uint32_t kNothingHeld = UINT32_MAX;

struct Flow {
  struct Side {
    uint64_t ordinal = 0;  // of the next packet
    BurstState burst;
    uint32_t held = kNothingHeld;  // ReorderHold slot
  };
  uint64_t identity = 0;
  wire::FlowKey opened;  // client: the opener, with its port in this run
  uint8_t protocol = 0;
  uint32_t number = 0;  // of the opener's flows toward this service
  uint32_t first_seq = 0;
  bool opening_seen = false;
  std::array<Side, 2> sides{};  // by Direction
};

// The name of a flow as one number, the same in every run and every build.
[[nodiscard]] uint64_t flow_identity(const wire::FlowKey& opened, uint8_t protocol,
                                     uint32_t number);

class FlowTable {
 public:
  static constexpr size_t kMaxFlows = size_t{1} << 18U;

  // The index of the packet's flow, a new one where it opens one.
  [[nodiscard]] uint32_t find(const IpInfo& packet);
  [[nodiscard]] Flow& at(uint32_t index) { return flows_[index]; }
  // True when find() would have to forget everything first; what is held must be let go before.
  [[nodiscard]] bool full() const { return flows_.size() >= kMaxFlows; }
  void forget_all();
  [[nodiscard]] uint64_t times_forgotten() const { return times_forgotten_; }

 private:
  uint32_t open(const IpInfo& packet, const wire::FlowKey& key);

  boost::unordered_flat_map<wire::FlowKey, uint32_t, std::hash<wire::FlowKey>> index_;
  // How many flows there were from an address (port 0) toward a service.
  boost::unordered_flat_map<wire::FlowKey, uint32_t, std::hash<wire::FlowKey>> numbers_;
  std::vector<Flow> flows_;
  uint64_t times_forgotten_ = 0;
};

}  // namespace mirrorlab::wirebox
