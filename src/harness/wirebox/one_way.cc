#include "harness/wirebox/one_way.h"

#include <algorithm>

namespace mirrorlab::wirebox {

namespace {
// A super-packet whose segments take longer is sent as segments, so that they come one by one.
constexpr os::Nanos kJoinedAtMost = 200 * os::kNanosPerMicro;
}  // namespace

const char* to_string(Cause cause) {
  switch (cause) {
    case Cause::down:
      return "down";
    case Cause::too_long:
      return "too_long";
    case Cause::loss:
      return "loss";
    case Cause::queue:
      return "queue";
    case Cause::pool_full:
      return "pool_full";
  }
  return "?";
}

OneWay::OneWay(uint64_t seed, std::string_view link, Direction direction, FlowTable& flows,
               FramePool& pool, Send send)
    : teller_(seed, link, direction),
      direction_(direction),
      flows_(flows),
      pool_(pool),
      send_(std::move(send)) {
  drops_.reserve(kMaxDrops);
}

void OneWay::drop(const Frame& frame, const Context* c, Cause cause) {
  ++counters_.dropped[static_cast<size_t>(cause)];
  if (c != nullptr && drops_.size() < kMaxDrops) {
    const Flow& flow = flows_.at(c->flow);
    drops_.push_back({flow.opened, flow.number, c->ordinal, direction_, cause});
  }
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
  const Fate fate = teller_.tell({flows_.at(index).identity, c.ordinal}, settings_, side.burst);
  decide(frame, *info, fate, c, now);
}

void OneWay::decide(Frame frame, const IpInfo& info, const Fate& fate, const Context& c,
                    os::Nanos now) {
  const uint32_t held = flows_.at(c.flow).sides[static_cast<size_t>(direction_)].held;
  if (settings_.down) return drop(frame, &c, Cause::down);
  if (settings_.mtu != 0 && frame.size - kEthernetBytes > settings_.mtu) {
    return drop(frame, &c, Cause::too_long);
  }
  if (fate.lost) return drop(frame, &c, Cause::loss);
  if (fate.corrupted) {
    ++counters_.corrupted;
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
  // Why alone: a sender of such a rate would send them one by one, and each drop has a name.
  const bool each_alone =
      settings_.down || settings_.mtu != 0 ||
      RateLimit::takes(parts.wire_bytes(frame, count), settings_) > kJoinedAtMost;
  fates_.resize(count);
  bool all_plain = !each_alone && side.held == kNothingHeld;
  double jitter = -1;
  for (uint32_t i = 0; i < count; ++i) {
    fates_[i] = teller_.tell({identity, c.ordinal + i}, settings_, side.burst);
    all_plain = all_plain && fates_[i].plain();
    jitter = std::max(jitter, fates_[i].jitter);
  }
  if (all_plain) {
    return forward(frame, parts.wire_bytes(frame, count), jitter, c, now);
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
      drop({}, &own, settings_.down ? Cause::down : Cause::loss);
      first = end;
      continue;
    }
    const Frame piece = parts.piece(first, end - first, pool_);
    if (piece.bytes == nullptr) {
      drop({}, &own, Cause::pool_full);
    } else if (end - first == 1) {
      decide(piece, info, fates_[first], own, now);
    } else {
      forward(piece, parts.wire_bytes(piece, end - first), jitter, own, now);
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
    forward(frame, frame.size, fate.jitter, c, now);
    if (twin.bytes == nullptr) return;
    ++counters_.duplicated;
    return forward(twin, twin.size, fate.jitter, c, now);
  }
  forward(frame, frame.size, fate.jitter, c, now);
}

void OneWay::forward(const Frame& frame, uint32_t wire_bytes, double jitter, const Context& c,
                     os::Nanos now) {
  const auto leaves = rate_.admit(wire_bytes, settings_, now);
  if (!leaves) return drop(frame, &c, Cause::queue);
  const auto wobble = static_cast<os::Nanos>(jitter * static_cast<double>(settings_.jitter));
  emit_or_wait(frame, &c, std::max(*leaves + settings_.delay + wobble, now), now);
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
  forward(held.frame, held.frame.size, held.jitter, {held.flow, held.ordinal}, now);
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
