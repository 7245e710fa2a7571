// Which copy engine owns which mirrored connection, and replies that wait for their owner.
//
// Limits: held replies are bounded in number and time; what nobody claims is counted and forgotten
// (the reply itself was dropped long before). Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

#include "wire/header_record.h"

namespace mirrorlab::intercept {

using PeerId = uint32_t;

struct ClaimCounters {
  uint64_t delivered = 0;
  uint64_t held = 0;
  uint64_t unclaimed = 0;  // held too long, or too many held
};

class Claims {
 public:
  using Deliver = std::function<void(PeerId, const wire::HeaderRecord&)>;
  explicit Claims(Deliver deliver) : deliver_(std::move(deliver)) {}

  // `now` in nanoseconds.
  void on_reply(const wire::HeaderRecord& record, int64_t now);
  void claim(PeerId peer, const wire::FlowKey& flow);
  void unclaim(PeerId peer, const wire::FlowKey& flow);
  void drop_peer(PeerId peer);
  void expire(int64_t now);
  [[nodiscard]] const ClaimCounters& counters() const { return counters_; }
  [[nodiscard]] size_t size() const { return owners_.size(); }

  static constexpr int64_t kHoldTime = 3'000'000'000;
  static constexpr size_t kMaxHeld = 65536;

 private:
  struct Held {
    int64_t since;
    wire::HeaderRecord record;
  };
  struct Hash {
    size_t operator()(const wire::FlowKey& f) const { return hash_value(f); }
  };
  Deliver deliver_;
  std::unordered_map<wire::FlowKey, PeerId, Hash> owners_;
  std::deque<Held> held_;
  ClaimCounters counters_;
};

}  // namespace mirrorlab::intercept
