// The intercept as the engine knows it: gives the headers of claimed connections back, holds those
// nobody has claimed yet for a bounded time, loses what it held when it is restarted, and lets no
// reply through.
#pragma once

#include <deque>
#include <functional>
#include <set>

#include "sim/event_queue.h"
#include "wire/header_record.h"

namespace mirrorlab::sim {

class VirtualIntercept {
 public:
  using Deliver = std::function<void(const wire::HeaderRecord&)>;
  explicit VirtualIntercept(Deliver deliver) : deliver_(std::move(deliver)) {}

  void on_reply(const wire::HeaderRecord& record, Nanos now);
  void claim(const wire::FlowKey& flow, Nanos now);
  void unclaim(const wire::FlowKey& flow) { claims_.erase(flow); }
  // The engine's connection is gone, and its claims with it.
  void drop_peer() { claims_.clear(); }
  void stop();
  void start() { running_ = true; }
  [[nodiscard]] bool running() const { return running_; }

 private:
  static constexpr Nanos kHoldTime = 3 * kSecond;
  struct Held {
    Nanos since;
    wire::HeaderRecord record;
  };
  Deliver deliver_;
  std::set<wire::FlowKey> claims_;
  std::deque<Held> held_;
  bool running_ = true;
};

}  // namespace mirrorlab::sim
