#include "intercept/core/claims.h"

namespace mirrorlab::intercept {

void Claims::on_reply(const wire::HeaderRecord& record, int64_t now) {
  if (const auto owner = owners_.find(record.flow); owner != owners_.end()) {
    ++counters_.delivered;
    deliver_(owner->second, record);
    return;
  }
  if (held_.size() >= kMaxHeld) {
    ++counters_.unclaimed;
    return;
  }
  ++counters_.held;
  held_.push_back({now, record});
}

void Claims::claim(PeerId peer, const wire::FlowKey& flow) {
  owners_[flow] = peer;
  if (held_.empty()) return;
  for (const Held& h : held_) {
    if (h.record.flow != flow) continue;
    ++counters_.delivered;
    deliver_(peer, h.record);
  }
  std::erase_if(held_, [&](const Held& h) { return h.record.flow == flow; });
}

void Claims::unclaim(PeerId peer, const wire::FlowKey& flow) {
  const auto owner = owners_.find(flow);
  if (owner != owners_.end() && owner->second == peer) owners_.erase(owner);
}

void Claims::drop_peer(PeerId peer) {
  std::erase_if(owners_, [&](const auto& entry) { return entry.second == peer; });
}

void Claims::expire(int64_t now) {
  while (!held_.empty() && now - held_.front().since > kHoldTime) {
    ++counters_.unclaimed;
    held_.pop_front();
  }
}

}  // namespace mirrorlab::intercept
