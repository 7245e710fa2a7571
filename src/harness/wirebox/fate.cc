#include "harness/wirebox/fate.h"

#include <cmath>

namespace mirrorlab::wirebox {

namespace {
// Each decision has a number sequence of its own: more loss does not change which are duplicated.
enum class Purpose : uint64_t {
  loss = 1,
  duplicate,
  corrupt,
  bit,
  reorder,
  distance,
  jitter,
  length,
  place
};

class Dice {
 public:
  Dice(uint64_t base, const PacketName& packet)
      : packet_(scatter(base ^ scatter(packet.flow) ^ scatter(~packet.ordinal))) {}
  [[nodiscard]] uint64_t roll(Purpose purpose) const {
    return scatter(packet_ + static_cast<uint64_t>(purpose));
  }
  [[nodiscard]] double part(Purpose purpose) const {  // 0 to below 1
    return static_cast<double>(roll(purpose) >> 11U) * 0x1p-53;
  }

 private:
  uint64_t packet_;
};

bool lost(const Dice& dice, uint64_t ordinal, const Settings& s, BurstState& burst) {
  if (s.loss <= 0) {
    burst.left = 0;
    return false;
  }
  const double part = dice.part(Purpose::loss);
  if (s.loss >= 1 || s.burst <= 1) return part < s.loss;
  const auto longest = static_cast<uint32_t>(2 * s.burst - 1);
  if (ordinal == 0) {
    // A packet picked blindly lies in a burst of length n in proportion to n, anywhere within.
    if (part >= s.loss) return false;
    const double u = dice.part(Purpose::length) * longest * (longest + 1);
    const auto length = static_cast<uint32_t>((1 + std::sqrt(1 + 4 * u)) / 2);
    burst.left = static_cast<uint32_t>(dice.roll(Purpose::place) % length);
    return true;
  }
  if (burst.left > 0) {
    --burst.left;
    return true;
  }
  // So often does a burst begin that `loss` of all packets are lost.
  if (part >= s.loss / (s.loss + s.burst * (1 - s.loss))) return false;
  burst.left = static_cast<uint32_t>(dice.roll(Purpose::length) % longest);
  return true;
}
}  // namespace

FateTeller::FateTeller(uint64_t seed, std::string_view link, Direction direction)
    : base_(scatter(scatter(seed) + static_cast<uint64_t>(direction))) {
  for (const char c : link) base_ = scatter(base_ ^ static_cast<uint8_t>(c));
}

Fate FateTeller::tell(const PacketName& packet, const Settings& s, BurstState& burst) const {
  const Dice dice(base_, packet);
  Fate f;
  f.lost = lost(dice, packet.ordinal, s, burst);
  f.duplicated = s.duplicate > 0 && dice.part(Purpose::duplicate) < s.duplicate;
  f.corrupted = s.corrupt > 0 && dice.part(Purpose::corrupt) < s.corrupt;
  if (f.corrupted) f.corrupt_bit = dice.roll(Purpose::bit);
  if (s.reorder > 0 && dice.part(Purpose::reorder) < s.reorder) {
    f.overtaken_by = static_cast<uint8_t>(1 + dice.roll(Purpose::distance) % 3);
  }
  if (s.jitter > 0) f.jitter = 2 * dice.part(Purpose::jitter) - 1;
  return f;
}

}  // namespace mirrorlab::wirebox
