#include "harness/wirebox/reorder_hold.h"

namespace mirrorlab::wirebox {

uint32_t ReorderHold::take(const Held& held, os::Nanos now) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  slots_[slot] = held;
  slots_[slot].serial = next_serial_;
  slots_[slot].live = true;
  waiting_.push_back({now + kPatience, slot, next_serial_++});
  return slot;
}

os::Nanos ReorderHold::next_due() {
  while (!waiting_.empty()) {
    const Waiting& first = waiting_.front();
    const Held& held = slots_[first.slot];
    if (held.live && held.serial == first.serial) return first.due;
    waiting_.pop_front();
  }
  return os::kNever;
}

ReorderHold::Held ReorderHold::release(uint32_t slot) {
  slots_[slot].live = false;
  free_.push_back(slot);
  return slots_[slot];
}

}  // namespace mirrorlab::wirebox
