// Which copy engine owns which mirrored connection, by session or by range, and what becomes of
// each reply: delivered, held until its owner comes (or comes back), or given up.
//
// A claimed session beats a range; among ranges the longest prefix wins, then the latest claim.
// When a peer leaves, its sessions stay its own for the hold time: replies are held, and go to
// the peer that claims them then (the same engine, connected again).
// Limits: ClaimLimits; what exceeds them is counted. The reply itself was dropped long before.
// Time is an argument, in nanoseconds. Not thread-safe.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "intercept/core/held_replies.h"
#include "wire/header_return.h"

namespace mirrorlab::intercept {

using PeerId = uint32_t;

struct ClaimLimits {
  int64_t hold_time = 3'000'000'000;
  size_t held = 65536;          // replies
  size_t sessions = 4'000'000;  // claims of all peers
  size_t ranges = 1024;         // of all peers
};

struct ClaimCounters {
  uint64_t delivered = 0;
  uint64_t held = 0;              // had to wait
  uint64_t unclaimed = 0;         // held too long: nobody claimed them
  uint64_t hold_overflow = 0;     // too many held
  uint64_t claims = 0;            // sessions claimed, repetitions included
  uint64_t claims_refused = 0;    // too many sessions or ranges
  uint64_t claims_moved = 0;      // taken over from another live peer
  uint64_t claims_forgotten = 0;  // of peers that left and did not come back in time
};

class Claims {
 public:
  using Deliver = std::function<void(PeerId, const wire::HeaderRecord&)>;
  Claims(const ClaimLimits& limits, Deliver deliver);

  void on_reply(const wire::HeaderRecord& record, int64_t now);
  void claim(PeerId peer, const wire::FlowKey& flow);
  void claim_range(PeerId peer, const wire::ClaimRange& range);
  void unclaim(PeerId peer, const wire::FlowKey& flow);
  void drop_peer(PeerId peer, int64_t now);
  // Forgets what was held, or left behind, too long.
  void expire(int64_t now);
  [[nodiscard]] const ClaimCounters& counters() const { return counters_; }
  [[nodiscard]] size_t sessions() const { return owners_.size(); }
  [[nodiscard]] size_t ranges() const { return ranges_.size(); }
  [[nodiscard]] size_t held() const { return held_.size(); }
  // Nothing is claimed or held: no reply is expected any more.
  [[nodiscard]] bool idle() const {
    return owners_.empty() && ranges_.empty() && held_.size() == 0;
  }
  [[nodiscard]] std::string check_invariants() const;

 private:
  static constexpr PeerId kNobody = 0;
  struct Range {
    wire::ClaimRange range;
    PeerId peer;
  };
  struct Departed {
    PeerId peer;
    int64_t since;
  };
  [[nodiscard]] bool departed(PeerId peer) const;
  [[nodiscard]] PeerId owner_of(const wire::FlowKey& flow) const;
  void deliver_held(PeerId peer, const wire::FlowKey& flow);

  ClaimLimits limits_;
  Deliver deliver_;
  boost::unordered_flat_map<wire::FlowKey, PeerId> owners_;
  std::vector<Range> ranges_;       // longest prefix first, then latest
  std::vector<Departed> departed_;  // oldest first
  HeldReplies held_;
  ClaimCounters counters_;
};

}  // namespace mirrorlab::intercept
