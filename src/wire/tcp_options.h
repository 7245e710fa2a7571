// TCP options that session sync uses (RFC 9293, 7323, 2018). Others are skipped, never copied.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "wire/bytes.h"
#include "wire/seq.h"

namespace mirrorlab::wire {

struct SackBlock {
  Seq left;   // first byte held
  Seq right;  // first byte after
  bool operator==(const SackBlock&) const = default;
};

struct TcpTimestamps {
  uint32_t value = 0;
  uint32_t echo_reply = 0;
  bool operator==(const TcpTimestamps&) const = default;
};

struct TcpOptions {
  static constexpr size_t kMaxBytes = 40;
  static constexpr size_t kMaxSackBlocks = 4;

  std::optional<uint16_t> mss;
  std::optional<uint8_t> window_scale;  // shift, as sent; RFC 7323 caps the use of it at 14
  bool sack_permitted = false;
  std::optional<TcpTimestamps> timestamps;
  std::array<SackBlock, kMaxSackBlocks> sack{};
  uint8_t sack_count = 0;

  // Reads what it knows; a malformed tail ends the reading (as Linux does) and sets `malformed`.
  static TcpOptions parse(Bytes options, bool* malformed = nullptr);
  // Writes in the usual order, padded with NOP to a multiple of 4. `out` holds kMaxBytes.
  // SACK blocks that do not fit are left out. Returns the length.
  [[nodiscard]] size_t write(uint8_t* out) const;
  bool operator==(const TcpOptions&) const = default;
};

}  // namespace mirrorlab::wire
