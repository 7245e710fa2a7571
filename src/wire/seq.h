// Sequence numbers of RFC 9293: 32 bits, modular.
//
// Seq has no operator<: the only comparisons have names, and they are valid while the two numbers
// are less than 2^31 apart (RFC 9293 section 3.4).
#pragma once

#include <cstdint>

namespace mirrorlab::wire {

class Seq {
 public:
  constexpr Seq() = default;
  constexpr explicit Seq(uint32_t raw) : raw_(raw) {}

  [[nodiscard]] constexpr uint32_t raw() const { return raw_; }
  constexpr bool operator==(const Seq&) const = default;

  constexpr Seq operator+(uint32_t n) const { return Seq(raw_ + n); }
  constexpr Seq operator-(uint32_t n) const { return Seq(raw_ - n); }
  // Signed distance in bytes from `from` to this; negative when this lies before it.
  [[nodiscard]] constexpr int32_t since(Seq from) const {
    return static_cast<int32_t>(raw_ - from.raw_);
  }
  [[nodiscard]] constexpr bool before(Seq other) const { return since(other) < 0; }
  [[nodiscard]] constexpr bool at_or_before(Seq other) const { return since(other) <= 0; }
  [[nodiscard]] constexpr bool after(Seq other) const { return since(other) > 0; }
  [[nodiscard]] constexpr bool at_or_after(Seq other) const { return since(other) >= 0; }

 private:
  uint32_t raw_ = 0;
};

// Extends a 32-bit sequence number to the 64-bit stream offset nearest `near`, where offset 0 is
// `zero`. Streams longer than 4 GiB and wrapped numbers fall out of this one function.
[[nodiscard]] constexpr int64_t unwrap(Seq value, Seq zero, int64_t near) {
  const auto low = static_cast<uint32_t>(value.raw() - zero.raw());
  const auto delta = static_cast<int32_t>(low - static_cast<uint32_t>(near));
  return near + delta;
}
[[nodiscard]] constexpr Seq wrap(int64_t offset, Seq zero) {
  return zero + static_cast<uint32_t>(offset);
}

}  // namespace mirrorlab::wire
