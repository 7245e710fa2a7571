#include "harness/wirebox/one_way.h"

#include <algorithm>

namespace mirrorlab::wirebox {

namespace {
// A super-packet whose segments take longer is sent as segments, so that they come one by one.
constexpr os::Nanos kJoinedAtMost = 200 * os::kNanosPerMicro;
constexpr size_t kListedWithoutGrowing = 4096;
}  // namespace

OneWay::OneWay(uint64_t seed, std::string_view link, Direction direction, FlowTable& flows,
               FramePool& pool, Send send)
    : teller_(seed, link, direction),
      direction_(direction),
      flows_(flows),
      pool_(pool),
      send_(std::move(send)) {
  faults_.reserve(kListedWithoutGrowing);
}

void OneWay::change(const Settings& settings) {
  settings_ = settings;
  if (plan_ == nullptr) return;
  settings_.loss = settings_.reorder = settings_.duplicate = settings_.corrupt = 0;
  settings_.down = false;
  settings_.mtu = 0;
  settings_.queue_bytes = UINT64_MAX;
}

void OneWay::replay(const FaultPlan& plan) {
  plan_ = &plan;
  change(settings_);
}

Fate OneWay::fate_of(const PacketName& packet, BurstState& burst) {
  Fate fate = teller_.tell(packet, settings_, burst);
  if (plan_ == nullptr) return fate;
  if (const Fate* planned = plan_->find(packet)) {
    ++counters_.planned;
    const double jitter = fate.jitter;
    fate = *planned;
    fate.jitter = jitter;
  }
  return fate;
}

void OneWay::list(FaultKind kind, const Context& c, uint64_t detail) {
  if (faults_.size() == kMaxFaults) {
    ++counters_.unlisted;
    return;
  }
  const Flow& flow = flows_.at(c.flow);
  faults_.push_back({.flow = flow.opened,
                     .number = flow.number,
                     .ordinal = c.ordinal,
                     .detail = detail,
                     .protocol = flow.protocol,
                     .direction = direction_,
                     .kind = kind});
}

void OneWay::drop(const Frame& frame, const Context* c, Cause cause) {
  ++counters_.dropped[static_cast<size_t>(cause)];
  if (c != nullptr) list(static_cast<FaultKind>(cause), *c);
  pool_.give(frame);
}

void OneWay::emit(const Frame& frame) {
  ++counters_.out;
  counters_.out_bytes += frame.size;
  send_(frame);
}

void OneWay::take(Frame frame, os::Nanos now) {
  ++counters_.in;
  counters_.in_bytes += frame.size;
  const auto info = inspect(frame.view());
  if (!info) {
    if (settings_.down) return drop(frame, nullptr, Cause::down);
    ++counters_.unharmed;
    // Why not through the line when nothing holds it: it would wait behind what is delayed.
    return shut_ ? emit_or_wait(frame, nullptr, now, now) : emit(frame);
  }
  const SuperPacket parts(frame, *info);
  const uint32_t index = flows_.find(*info);
  Flow::Side& side = flows_.at(index).sides[static_cast<size_t>(direction_)];
  const Context c{index, side.ordinal};
  side.ordinal += parts.segments();
  if (parts.segments() > 1) return decide_super(frame, *info, parts, c, now);
  const Fate fate = fate_of({flows_.at(index).identity, c.ordinal}, side.burst);
  decide(frame, *info, fate, c, now);
}

void OneWay::decide(Frame frame, const IpInfo& info, const Fate& fate, const Context& c,
                    os::Nanos now) {
  uint32_t held = flows_.at(c.flow).sides[static_cast<size_t>(direction_)].held;
  if (settings_.down) return drop(frame, &c, Cause::down);
  if (settings_.mtu != 0 && frame.size - kEthernetBytes > settings_.mtu) {
    return drop(frame, &c, Cause::too_long);
  }
  if (fate.lost) return drop(frame, &c, fate.cause);
  if (plan_ != nullptr && fate.overtaken_by > 0 && held != kNothingHeld) {
    // In the run that is replayed, the one before had been let go by then.
    let_go(held, now);
    held = kNothingHeld;
  }
  if (fate.corrupted) {
    ++counters_.corrupted;
    list(FaultKind::corrupt, c, fate.corrupt_bit);
    finish_checksum(frame);
    flip_bit(frame, info, fate.corrupt_bit);
  }
  reorder_or_forward(frame, fate, c, now);
  if (held != kNothingHeld && hold_.overtaken(held)) let_go(held, now);
}

void OneWay::decide_super(const Frame& frame, const IpInfo& info, const SuperPacket& parts,
                          Context c, os::Nanos now) {
  Flow::Side& side = flows_.at(c.flow).sides[static_cast<size_t>(direction_)];
  const uint64_t identity = flows_.at(c.flow).identity;
  const uint32_t count = parts.segments();
  const uint32_t wire_bytes = parts.wire_bytes(frame, count);
  // Why alone: a sender of such a rate would send them one by one, and each drop has a name.
  const bool each_alone = settings_.down || settings_.mtu != 0 ||
                          RateLimit::takes(wire_bytes, settings_) > kJoinedAtMost ||
                          !rate_.has_room(wire_bytes, settings_, now);
  fates_.resize(count);
  bool all_plain = !each_alone && side.held == kNothingHeld;
  double jitter = -1;
  for (uint32_t i = 0; i < count; ++i) {
    fates_[i] = fate_of({identity, c.ordinal + i}, side.burst);
    all_plain = all_plain && fates_[i].plain();
    jitter = std::max(jitter, fates_[i].jitter);
  }
  if (all_plain) {
    return forward(frame, wire_bytes, jitter, &c, now);
  }
  uint32_t gained = 0;
  for (uint32_t first = 0; first < count; ++gained) {
    uint32_t end = first + 1;
    jitter = fates_[first].jitter;
    // Why: a held packet is overtaken by so many packets, not by one that stands for them all.
    if (!each_alone && side.held == kNothingHeld && fates_[first].plain()) {
      for (; end < count && fates_[end].plain(); ++end)
        jitter = std::max(jitter, fates_[end].jitter);
    }
    const Context own{c.flow, c.ordinal + first};
    if (settings_.down || fates_[first].lost) {
      drop({}, &own, settings_.down ? Cause::down : fates_[first].cause);
      first = end;
      continue;
    }
    const Frame piece = parts.piece(first, end - first, pool_);
    if (piece.bytes == nullptr) {
      drop({}, &own, Cause::pool_full);
    } else if (end - first == 1) {
      decide(piece, info, fates_[first], own, now);
    } else {
      forward(piece, parts.wire_bytes(piece, end - first), jitter, &own, now);
    }
    first = end;
  }
  counters_.cut += gained - 1;
  pool_.give(frame);
}

void OneWay::reorder_or_forward(const Frame& frame, const Fate& fate, const Context& c,
                                os::Nanos now) {
  uint32_t& held = flows_.at(c.flow).sides[static_cast<size_t>(direction_)].held;
  if (fate.overtaken_by > 0 && held == kNothingHeld) {
    const Frame kept = keep(frame);
    if (kept.bytes == nullptr) return drop(frame, &c, Cause::pool_full);
    ++counters_.reordered;
    list(FaultKind::reorder, c, fate.overtaken_by);
    held = hold_.take({.frame = kept,
                       .jitter = fate.jitter,
                       .flow = c.flow,
                       .ordinal = c.ordinal,
                       .overtake = fate.overtaken_by},
                      now);
    return;
  }
  if (fate.duplicated) {
    // The twin is made first: sending may give the frame's memory back.
    const Frame twin = pool_.copy(frame);
    forward(frame, frame.size, fate.jitter, &c, now);
    if (twin.bytes == nullptr) return;
    ++counters_.duplicated;
    list(FaultKind::duplicate, c);
    // Why without a name: the packet itself has not died.
    return forward(twin, twin.size, fate.jitter, nullptr, now);
  }
  forward(frame, frame.size, fate.jitter, &c, now);
}

void OneWay::forward(const Frame& frame, uint32_t wire_bytes, double jitter, const Context* c,
                     os::Nanos now) {
  const auto leaves = rate_.admit(wire_bytes, settings_, now);
  if (!leaves) return drop(frame, c, Cause::queue);
  const auto wobble = static_cast<os::Nanos>(jitter * static_cast<double>(settings_.jitter));
  emit_or_wait(frame, c, std::max(*leaves + settings_.delay + wobble, now), now);
}

void OneWay::emit_or_wait(const Frame& frame, const Context* c, os::Nanos due, os::Nanos now) {
  if (due <= now && line_.empty() && !shut_) return emit(frame);
  const Frame kept = keep(frame);
  if (kept.bytes == nullptr) return drop(frame, c, Cause::pool_full);
  line_.take(kept, due);
}

// The frame where it may wait; its bytes are null when there is no memory for it.
Frame OneWay::keep(const Frame& frame) {
  if (frame.pooled || (frame.slot.may_stay && frame.slot.use->taken < frame.slot.use->ample)) {
    return frame;
  }
  const Frame kept = pool_.copy(frame);
  if (kept.bytes != nullptr) pool_.give(frame);
  return kept;
}

void OneWay::let_go(uint32_t slot, os::Nanos now) {
  const ReorderHold::Held held = hold_.release(slot);
  flows_.at(held.flow).sides[static_cast<size_t>(direction_)].held = kNothingHeld;
  const Context c{held.flow, held.ordinal};
  forward(held.frame, held.frame.size, held.jitter, &c, now);
}

void OneWay::let_go_held(os::Nanos now) {
  while (hold_.next_due() != os::kNever) let_go(hold_.oldest(), now);
}

os::Nanos OneWay::next_due() { return std::min(line_.next_due(), hold_.next_due()); }

std::optional<Frame> OneWay::release_one(os::Nanos now) {
  while (hold_.next_due() <= now) let_go(hold_.oldest(), now);
  if (line_.next_due() > now) return std::nullopt;
  const Frame frame = line_.release();
  emit(frame);
  return frame;
}

void OneWay::release(os::Nanos now) {
  if (shut_) return;
  while (hold_.next_due() <= now) let_go(hold_.oldest(), now);
  while (line_.next_due() <= now) emit(line_.release());
}

}  // namespace mirrorlab::wirebox
