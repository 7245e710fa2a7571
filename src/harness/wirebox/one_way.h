// One direction of a link: decides what becomes of each frame and when it leaves. Five verbs: take,
// next_due, release, change, shut. No socket, no clock: `now` is an argument, frames leave by a
// sink.
//
// Order: down, MTU, loss, corruption, reorder, rate with its queue, delay with jitter, duplication.
// A super-packet is as many packets as it has segments; those that only travel on stay joined.
// ARP, neighbour discovery and everything that is no IP pass at once and unharmed (unless the link
// is down): a fault of those would be a fault of the laboratory.
//
// Every frame taken is accounted for: in + duplicated + cut = out + dropped + waiting.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/wirebox/delay_line.h"
#include "harness/wirebox/fate.h"
#include "harness/wirebox/fault.h"
#include "harness/wirebox/fault_plan.h"
#include "harness/wirebox/flow_table.h"
#include "harness/wirebox/frame_pool.h"
#include "harness/wirebox/rate_limit.h"
#include "harness/wirebox/reorder_hold.h"
#include "harness/wirebox/settings.h"
#include "harness/wirebox/super_packet.h"

namespace mirrorlab::wirebox {

struct Counters {
  uint64_t in = 0;
  uint64_t in_bytes = 0;
  uint64_t out = 0;
  uint64_t out_bytes = 0;
  uint64_t unharmed = 0;  // of `in`: ARP and the like
  std::array<uint64_t, kCauses> dropped{};
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t corrupted = 0;
  uint64_t unlisted = 0;  // faults beyond kMaxFaults
  uint64_t planned = 0;   // packets that met the fault the plan has for them
  uint64_t cut = 0;  // frames gained by cutting super-packets whose segments meet different fates
};

class OneWay {
 public:
  static constexpr size_t kMaxFaults = size_t{1} << 16U;  // listed; all are counted
  // The frame's bytes must outlive the sending; pooled ones are the receiver's to give back.
  using Send = std::function<void(const Frame&)>;

  // `flows` and `pool` are shared with the other direction.
  OneWay(uint64_t seed, std::string_view link, Direction direction, FlowTable& flows,
         FramePool& pool, Send send);

  void take(Frame frame, os::Nanos now);
  [[nodiscard]] os::Nanos next_due();
  void release(os::Nanos now);
  // While shut, nothing leaves but by release_one().
  void shut(bool shut) { shut_ = shut; }
  // The next frame whose time has come, once sent; its bytes stay valid until the port is flushed.
  std::optional<Frame> release_one(os::Nanos now);
  [[nodiscard]] uint64_t waiting() const { return line_.size() + hold_.size(); }
  void change(const Settings& settings);
  // From now on faults come from `plan` and nowhere else: chance, `down`, `mtu` and the queue's
  // limit have no say. Delay, jitter and rate are as before. `plan` outlives this.
  void replay(const FaultPlan& plan);

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }
  // Lets go of every frame that waits to be overtaken (before the flow table forgets).
  void let_go_held(os::Nanos now);

 private:
  struct Context {
    uint32_t flow;
    uint64_t ordinal;
  };
  [[nodiscard]] Fate fate_of(const PacketName& packet, BurstState& burst);
  void list(FaultKind kind, const Context& context, uint64_t detail = 0);
  void drop(const Frame& frame, const Context* context, Cause cause);
  // One packet with its fate.
  void decide(Frame frame, const IpInfo& info, const Fate& fate, const Context& c, os::Nanos now);
  void decide_super(const Frame& frame, const IpInfo& info, const SuperPacket& parts, Context c,
                    os::Nanos now);
  void reorder_or_forward(const Frame& frame, const Fate& fate, const Context& c, os::Nanos now);
  void forward(const Frame& frame, uint32_t wire_bytes, double jitter, const Context* c,
               os::Nanos now);
  [[nodiscard]] Frame keep(const Frame& frame);
  void let_go(uint32_t slot, os::Nanos now);
  void emit(const Frame& frame);
  void emit_or_wait(const Frame& frame, const Context* context, os::Nanos due, os::Nanos now);

  Settings settings_;
  FateTeller teller_;
  const FaultPlan* plan_ = nullptr;
  Direction direction_;
  FlowTable& flows_;
  FramePool& pool_;
  Send send_;
  RateLimit rate_;
  ReorderHold hold_;
  DelayLine line_;
  bool shut_ = false;
  Counters counters_;
  std::vector<Fault> faults_;
  std::vector<Fate> fates_;  // of a super-packet's segments
};

}  // namespace mirrorlab::wirebox
