#include "harness/wirebox/one_way.h"

#include "harness/wirebox/segmenter.h"

namespace mirrorlab::wirebox {

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
  const Context c = [&] {
    const uint32_t index = flows_.find(*info);
    return Context{index, flows_.at(index).sides[static_cast<size_t>(direction_)].ordinal++};
  }();
  Flow::Side& side = flows_.at(c.flow).sides[static_cast<size_t>(direction_)];
  const uint32_t held = side.held;
  const Fate fate = teller_.tell({flows_.at(c.flow).identity, c.ordinal}, settings_, side.burst);
  if (settings_.down) return drop(frame, &c, Cause::down);
  const size_t ip_bytes = frame.is_super_packet()
                              ? info->transport - kEthernetBytes + 20 + frame.vnet.gso_size
                              : frame.size - kEthernetBytes;
  if (settings_.mtu != 0 && ip_bytes > settings_.mtu) return drop(frame, &c, Cause::too_long);
  if (fate.lost) return drop(frame, &c, Cause::loss);
  if (fate.corrupted) {
    corrupt(frame, *info, fate, c, now);
  } else {
    reorder_or_forward(frame, fate, c, now);
  }
  if (held != kNothingHeld && hold_.overtaken(held)) let_go(held, now);
}

void OneWay::corrupt(Frame frame, const IpInfo& info, const Fate& fate, const Context& c,
                     os::Nanos now) {
  ++counters_.corrupted;
  segments_.clear();
  if (cut_super_packet(frame, info, pool_, segments_)) {
    counters_.cut += segments_.size() - 1;
    pool_.give(frame);
    flip_bit(segments_[fate.corrupt_bit % segments_.size()], info, fate.corrupt_bit >> 8U);
    // Why none is reordered: the flow holds one frame at a time, and they are one packet's parts.
    for (const Frame& segment : segments_) forward(segment, fate.jitter, c, now);
    return;
  }
  finish_checksum(frame);
  flip_bit(frame, info, fate.corrupt_bit);
  reorder_or_forward(frame, fate, c, now);
}

void OneWay::reorder_or_forward(const Frame& frame, const Fate& fate, const Context& c,
                                os::Nanos now) {
  uint32_t& held = flows_.at(c.flow).sides[static_cast<size_t>(direction_)].held;
  if (fate.overtaken_by > 0 && held == kNothingHeld) {
    const Frame kept = frame.pooled ? frame : pool_.copy(frame);
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
    forward(frame, fate.jitter, c, now);
    if (twin.bytes == nullptr) return;
    ++counters_.duplicated;
    return forward(twin, fate.jitter, c, now);
  }
  forward(frame, fate.jitter, c, now);
}

void OneWay::forward(const Frame& frame, double jitter, const Context& c, os::Nanos now) {
  const auto leaves = rate_.admit(frame.size, settings_, now);
  if (!leaves) return drop(frame, &c, Cause::queue);
  const auto wobble = static_cast<os::Nanos>(jitter * static_cast<double>(settings_.jitter));
  emit_or_wait(frame, &c, std::max(*leaves + settings_.delay + wobble, now), now);
}

void OneWay::emit_or_wait(const Frame& frame, const Context* c, os::Nanos due, os::Nanos now) {
  if (due <= now && line_.empty() && !shut_) return emit(frame);
  const Frame kept = frame.pooled ? frame : pool_.copy(frame);
  if (kept.bytes == nullptr) return drop(frame, c, Cause::pool_full);
  line_.take(kept, due);
}

void OneWay::let_go(uint32_t slot, os::Nanos now) {
  const ReorderHold::Held held = hold_.release(slot);
  flows_.at(held.flow).sides[static_cast<size_t>(direction_)].held = kNothingHeld;
  forward(held.frame, held.jitter, {held.flow, held.ordinal}, now);
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
