// Replies that wait for their owner: by flow, in order, bounded in number and time.
//
// Taking a flow's replies costs their number, not that of all held ones; so does expiry.
// Not thread-safe.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <vector>

#include "wire/header_record.h"

namespace mirrorlab::intercept {

class HeldReplies {
 public:
  explicit HeldReplies(size_t limit) : limit_(limit) {}

  // False when `limit` replies are held already.
  bool add(const wire::HeaderRecord& record, int64_t now);
  // Hands the flow's replies, oldest first, to `use`, and forgets them.
  template <class Use>
  void take(const wire::FlowKey& flow, const Use& use) {
    const auto found = flows_.find(flow);
    if (found == flows_.end()) return;
    uint32_t at = found->second.first;
    flows_.erase(found);
    while (at != kNone) {
      const uint32_t next = entries_[at].next_of_flow;
      use(entries_[at].record);
      release(at);
      at = next;
    }
  }
  // Calls `use(flow)` once for every flow with held replies.
  template <class Use>
  void for_each_flow(const Use& use) const {
    for (const auto& [flow, chain] : flows_) use(flow);
  }
  // Forgets what was added before `before`; returns how many.
  size_t expire(int64_t before);
  [[nodiscard]] size_t size() const { return size_; }
  // Empty when all holds, else what does not.
  [[nodiscard]] const char* check_invariants() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Entry {
    wire::HeaderRecord record;
    int64_t since = 0;
    uint32_t next_of_flow = kNone;
    uint32_t older = kNone;
    uint32_t newer = kNone;
  };
  struct Chain {
    uint32_t first;
    uint32_t last;
  };
  uint32_t take_slot();
  void release(uint32_t at);

  size_t limit_;
  size_t size_ = 0;
  std::vector<Entry> entries_;
  uint32_t free_ = kNone;  // linked by next_of_flow
  uint32_t oldest_ = kNone;
  uint32_t newest_ = kNone;
  boost::unordered_flat_map<wire::FlowKey, Chain> flows_;
};

}  // namespace mirrorlab::intercept
