#include "engine/core/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace mirrorlab::engine {

TimerWheel::TimerWheel() { heads_.fill(kNone); }

void TimerWheel::insert(uint32_t id) {
  Node& node = nodes_[id];
  const uint64_t tick = tick_at(node);
  // The level is that of the highest digit in which the tick differs from now, so that the slot is
  // reached exactly when the lower digits roll over to it.
  const unsigned level = static_cast<unsigned>(std::bit_width((tick ^ now_tick_) | 1U) - 1) / kBits;
  const unsigned at = std::min(level, kLevels - 1);
  const auto digit = static_cast<unsigned>(tick >> (kBits * at)) & (kSlots - 1);
  const uint32_t slot = at * kSlots + digit;
  node.slot = static_cast<uint16_t>(slot);
  node.previous = kNone;
  node.next = heads_[slot];
  if (node.next != kNone) nodes_[node.next].previous = id;
  heads_[slot] = id;
  occupied_[at][digit / 64] |= uint64_t{1} << (digit % 64);
}

void TimerWheel::unlink(uint32_t id) {
  Node& node = nodes_[id];
  if (node.next != kNone) nodes_[node.next].previous = node.previous;
  if (node.previous != kNone) {
    nodes_[node.previous].next = node.next;
  } else {
    heads_[node.slot] = node.next;
    if (node.next == kNone) {
      const unsigned digit = node.slot % kSlots;
      occupied_[node.slot / kSlots][digit / 64] &= ~(uint64_t{1} << (digit % 64));
    }
  }
  node.slot = kNoSlot;
}

void TimerWheel::arm(uint32_t id, Nanos deadline) {
  if (id >= nodes_.size()) {
    const size_t size = std::max<size_t>(id + 1, nodes_.size() + nodes_.size() / 8 + 256);
    nodes_.reserve(size);  // resize() alone would take up to twice as much
    nodes_.resize(size);
  }
  if (nodes_[id].slot != kNoSlot) {
    unlink(id);
  } else {
    ++size_;
  }
  const uint64_t tick = std::clamp(tick_of(deadline), now_tick_ + 1, now_tick_ + kHorizon - 1);
  nodes_[id].tick = static_cast<uint32_t>(tick);
  insert(id);
}

void TimerWheel::cancel(uint32_t id) {
  if (!armed(id)) return;
  unlink(id);
  --size_;
}

unsigned TimerWheel::next_in_level(unsigned level, unsigned from) const {
  for (unsigned word = from / 64; word < kSlots / 64; ++word) {
    uint64_t bits = occupied_[level][word];
    if (word == from / 64) bits &= ~uint64_t{0} << (from % 64);
    if (bits != 0) return word * 64 + static_cast<unsigned>(std::countr_zero(bits));
  }
  return kSlots;
}

void TimerWheel::cascade(unsigned level) {
  const auto digit = static_cast<unsigned>(now_tick_ >> (kBits * level)) & (kSlots - 1);
  if (digit == 0 && level + 1 < kLevels) cascade(level + 1);
  uint32_t id = heads_[level * kSlots + digit];
  heads_[level * kSlots + digit] = kNone;
  occupied_[level][digit / 64] &= ~(uint64_t{1} << (digit % 64));
  while (id != kNone) {
    const uint32_t next = nodes_[id].next;
    insert(id);  // one that is due at this very tick lands in the slot about to fire
    id = next;
  }
}

void TimerWheel::advance(Nanos now, std::vector<uint32_t>& due) {
  const uint64_t target = now <= 0 ? 0 : static_cast<uint64_t>(now) / kTick;
  while (now_tick_ < target) {
    const uint64_t next = size_ == 0 ? target + 1 : next_tick();
    if (next > target) {
      now_tick_ = target;
      return;
    }
    now_tick_ = next;
    const auto slot = static_cast<unsigned>(now_tick_) & (kSlots - 1);
    if (slot == 0) cascade(1);
    while (heads_[slot] != kNone) {
      const uint32_t id = heads_[slot];
      unlink(id);
      --size_;
      due.push_back(id);
    }
  }
}

// The next tick at which something happens: an occupied slot is reached, of whatever level, or all
// roll over.
uint64_t TimerWheel::next_tick() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    const auto digit = static_cast<unsigned>(now_tick_ >> (kBits * level)) & (kSlots - 1);
    const unsigned found = digit + 1 < kSlots ? next_in_level(level, digit + 1) : kSlots;
    if (found < kSlots) {
      const uint64_t base = (now_tick_ >> (kBits * (level + 1))) << (kBits * (level + 1));
      return base + (uint64_t{found} << (kBits * level));
    }
  }
  return (now_tick_ / kHorizon + 1) * kHorizon;
}

Nanos TimerWheel::next_wakeup() const {
  return size_ == 0 ? kNever : static_cast<Nanos>(next_tick() * kTick);
}

}  // namespace mirrorlab::engine
