// From a flow to a session id: open addressing, eight bytes a slot. Keys live in the sessions, the
// table only knows 32 bits of each hash and asks for the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/prefetch.h"

namespace mirrorlab::engine {

class FlowIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  FlowIndex() : slots_(kInitial) {}

  // `same(id)` says whether session `id` has the key that was hashed.
  template <typename Same>
  [[nodiscard]] uint32_t find(uint64_t hash, const Same& same) const {
    const auto tag = static_cast<uint32_t>(hash);
    for (size_t at = tag & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.id == kNone) return kNone;
      if (slot.tag == tag && same(slot.id)) return slot.id;
    }
  }
  // The first id that may be the one, without asking for its key: for prefetching.
  [[nodiscard]] uint32_t guess(uint64_t hash) const {
    const auto tag = static_cast<uint32_t>(hash);
    for (size_t at = tag & mask();; at = (at + 1) & mask()) {
      if (slots_[at].id == kNone || slots_[at].tag == tag) return slots_[at].id;
    }
  }
  void insert(uint64_t hash, uint32_t id) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    place({static_cast<uint32_t>(hash), id});
    ++size_;
  }
  // Puts `to` in the place of `from`, which is in the table.
  void replace(uint64_t hash, uint32_t from, uint32_t to) { slots_[position(hash, from)].id = to; }
  // Removes `id`, which is in the table.
  void erase(uint64_t hash, uint32_t id) {
    size_t hole = position(hash, id);
    // Backward shift: no tombstones, so look-ups stay short for ever.
    for (size_t at = (hole + 1) & mask(); slots_[at].id != kNone; at = (at + 1) & mask()) {
      const size_t home = slots_[at].tag & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot{};
    --size_;
  }
  void prefetch(uint64_t hash) const {
    engine::prefetch(&slots_[static_cast<uint32_t>(hash) & mask()]);
  }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] uint64_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  static constexpr size_t kInitial = 1024;
  struct Slot {
    uint32_t tag = 0;
    uint32_t id = kNone;
  };
  [[nodiscard]] size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] size_t position(uint64_t hash, uint32_t id) const {
    size_t at = static_cast<uint32_t>(hash) & mask();
    while (slots_[at].id != id) at = (at + 1) & mask();
    return at;
  }
  void place(Slot slot) {
    size_t at = slot.tag & mask();
    while (slots_[at].id != kNone) at = (at + 1) & mask();
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id != kNone) place(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace mirrorlab::engine
