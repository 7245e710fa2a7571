// The real engine core in virtual time: its batches, its timer, its starts and ends.
#pragma once

#include <memory>
#include <vector>

#include "engine/core/core.h"
#include "sim/packet.h"

namespace mirrorlab::sim {

using engine::Nanos;

class EngineHost {
 public:
  // `segments`: about so many are sent in one turn; what is left is due at once.
  EngineHost(const engine::Config& config, uint64_t segments, engine::Sink& sink)
      : config_(config), segments_(segments), sink_(sink) {}

  void start(Nanos now);
  // Ends it without a word.
  void kill();
  // Ends it in order.
  void stop(Nanos now);
  [[nodiscard]] engine::Core* core() { return core_.get(); }
  void queue(Packet&& packet, uint32_t payload_length);
  void queue(const wire::HeaderRecord& record) { inputs_.push_back({{}, 0, record, true}); }
  // Timers that are due and what they make due.
  void on_timer(Nanos now) {
    core_->fire_timers(now);
    core_->flush_some(now, segments_);
  }
  // One turn of the event loop: everything queued, then flush. `captured` is told of each packet.
  template <typename Captured>
  void turn(Nanos now, const Captured& captured) {
    if (!core_) return;
    taken_.swap(inputs_);
    for (Input& in : taken_) {
      if (in.is_record) {
        core_->on_header(in.record, now);
      } else {
        captured(in.packet, in.payload_length);
        give(in, now);
      }
    }
    taken_.clear();
    core_->flush_some(now, segments_);
  }

 private:
  struct Input {
    Packet packet;
    uint32_t payload_length = 0;
    wire::HeaderRecord record;
    bool is_record = false;
  };
  void give(const Input& input, Nanos now);

  const engine::Config& config_;
  const uint64_t segments_;
  engine::Sink& sink_;
  std::unique_ptr<engine::Core> core_;
  std::vector<Input> inputs_, taken_;
};

}  // namespace mirrorlab::sim
