#include "intercept/core/held_replies.h"

namespace mirrorlab::intercept {

uint32_t HeldReplies::take_slot() {
  if (free_ == kNone) {
    entries_.emplace_back();
    return static_cast<uint32_t>(entries_.size() - 1);
  }
  const uint32_t at = free_;
  free_ = entries_[at].next_of_flow;
  return at;
}

bool HeldReplies::add(const wire::HeaderRecord& record, int64_t now) {
  if (size_ >= limit_) return false;
  const uint32_t at = take_slot();
  entries_[at] = {record, now, kNone, newest_, kNone};
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = at;
  newest_ = at;
  const auto [chain, fresh] = flows_.try_emplace(record.flow, Chain{at, at});
  if (!fresh) {
    entries_[chain->second.last].next_of_flow = at;
    chain->second.last = at;
  }
  ++size_;
  return true;
}

void HeldReplies::release(uint32_t at) {
  Entry& e = entries_[at];
  (e.older == kNone ? oldest_ : entries_[e.older].newer) = e.newer;
  (e.newer == kNone ? newest_ : entries_[e.newer].older) = e.older;
  e.next_of_flow = free_;
  free_ = at;
  --size_;
}

size_t HeldReplies::expire(int64_t before) {
  size_t expired = 0;
  while (oldest_ != kNone && entries_[oldest_].since < before) {
    const uint32_t at = oldest_;
    // The oldest of all is the oldest of its flow.
    const auto chain = flows_.find(entries_[at].record.flow);
    chain->second.first = entries_[at].next_of_flow;
    if (chain->second.first == kNone) flows_.erase(chain);
    release(at);
    ++expired;
  }
  return expired;
}

const char* HeldReplies::check_invariants() const {
  size_t by_age = 0;
  for (uint32_t at = oldest_; at != kNone; at = entries_[at].newer) {
    if (++by_age > size_) return "the list by age is longer than the number held";
  }
  size_t by_flow = 0;
  for (const auto& [flow, chain] : flows_) {
    for (uint32_t at = chain.first; at != kNone; at = entries_[at].next_of_flow) {
      if (entries_[at].record.flow != flow) return "a reply in another flow's chain";
      if (entries_[at].next_of_flow == kNone && at != chain.last) return "a chain's end is wrong";
      if (++by_flow > size_) return "the chains are longer than the number held";
    }
  }
  if (by_age != size_ || by_flow != size_) return "a held reply is missing from a list";
  return "";
}

}  // namespace mirrorlab::intercept
