#include "intercept/core/claims.h"

#include <algorithm>

namespace mirrorlab::intercept {

Claims::Claims(const ClaimLimits& limits, Deliver deliver)
    : limits_(limits), deliver_(std::move(deliver)), held_(limits.held) {}

bool Claims::departed(PeerId peer) const {
  return std::ranges::any_of(departed_, [&](const Departed& d) { return d.peer == peer; });
}

PeerId Claims::owner_of(const wire::FlowKey& flow) const {
  if (const auto owner = owners_.find(flow); owner != owners_.end()) return owner->second;
  for (const Range& r : ranges_) {
    if (r.range.contains(flow)) return r.peer;
  }
  return kNobody;
}

void Claims::on_reply(const wire::HeaderRecord& record, int64_t now) {
  const PeerId owner = owner_of(record.flow);
  if (owner != kNobody && (departed_.empty() || !departed(owner))) {
    ++counters_.delivered;
    deliver_(owner, record);
    return;
  }
  ++(held_.add(record, now) ? counters_.held : counters_.hold_overflow);
}

void Claims::deliver_held(PeerId peer, const wire::FlowKey& flow) {
  if (held_.size() == 0) return;
  held_.take(flow, [&](const wire::HeaderRecord& record) {
    ++counters_.delivered;
    deliver_(peer, record);
  });
}

void Claims::claim(PeerId peer, const wire::FlowKey& flow) {
  ++counters_.claims;
  const auto found = owners_.find(flow);
  if (found != owners_.end()) {
    if (found->second != peer && !departed(found->second)) ++counters_.claims_moved;
    found->second = peer;
  } else if (owners_.size() >= limits_.sessions) {
    ++counters_.claims_refused;
    return;
  } else {
    owners_.emplace(flow, peer);
  }
  deliver_held(peer, flow);
}

void Claims::claim_range(PeerId peer, const wire::ClaimRange& range) {
  std::erase_if(ranges_, [&](const Range& r) {
    return r.range == range && (r.peer == peer || departed(r.peer));
  });
  if (ranges_.size() >= limits_.ranges) {
    ++counters_.claims_refused;
    return;
  }
  const auto at = std::ranges::find_if(
      ranges_, [&](const Range& r) { return r.range.prefix_bits <= range.prefix_bits; });
  ranges_.insert(at, {range, peer});
  std::vector<wire::FlowKey> covered;
  held_.for_each_flow([&](const wire::FlowKey& flow) {
    if (range.contains(flow) && owner_of(flow) == peer) covered.push_back(flow);
  });
  for (const auto& flow : covered) deliver_held(peer, flow);
}

void Claims::unclaim(PeerId peer, const wire::FlowKey& flow) {
  const auto owner = owners_.find(flow);
  if (owner != owners_.end() && owner->second == peer) owners_.erase(owner);
}

void Claims::drop_peer(PeerId peer, int64_t now) { departed_.push_back({peer, now}); }

void Claims::expire(int64_t now) {
  counters_.unclaimed += held_.expire(now - limits_.hold_time);
  const auto gone = std::ranges::find_if(
      departed_, [&](const Departed& d) { return now - d.since <= limits_.hold_time; });
  if (gone == departed_.begin()) return;
  // One walk for all who left for good; the steady state never comes here.
  const auto left = [&](PeerId peer) {
    return std::any_of(departed_.begin(), gone, [&](const Departed& d) { return d.peer == peer; });
  };
  counters_.claims_forgotten +=
      boost::unordered::erase_if(owners_, [&](const auto& entry) { return left(entry.second); });
  std::erase_if(ranges_, [&](const Range& r) { return left(r.peer); });
  departed_.erase(departed_.begin(), gone);
}

std::string Claims::check_invariants() const {
  if (owners_.size() > limits_.sessions) return "more sessions claimed than allowed";
  if (ranges_.size() > limits_.ranges) return "more ranges claimed than allowed";
  if (held_.size() > limits_.held) return "more replies held than allowed";
  const bool sorted = std::ranges::is_sorted(ranges_, [](const Range& a, const Range& b) {
    return a.range.prefix_bits > b.range.prefix_bits;
  });
  if (!sorted) return "ranges are not in order";
  return held_.check_invariants();
}

}  // namespace mirrorlab::intercept
