// The header return protocol (docs/HEADER-RETURN.md): framing and records, bytes in and bytes out.
//
// Frame: u32 length of what follows the 8-byte header, u8 type, u8 version, u16 count; big-endian.
// Decoding never trusts a length: any bytes give frames or one named error.
// Nothing here allocates but the vectors that grow, and those keep their capacity.
#pragma once

#include <array>
#include <cstdint>
#include <tl/expected.hpp>
#include <vector>

#include "wire/bytes.h"
#include "wire/header_record.h"

namespace mirrorlab::wire {

inline constexpr uint8_t kHeaderReturnVersion = 1;
inline constexpr uint16_t kHeaderReturnPort = 36524;
inline constexpr size_t kFrameHeaderBytes = 8;
inline constexpr size_t kMaxFrameBytes = 64 * 1024;  // what follows the frame header
inline constexpr size_t kMaxPackedOptions = 36;      // without padding; the most RFC 9293 leaves
inline constexpr size_t kMaxRecordBytesV4 = 20 + 2 * 4 + kMaxPackedOptions;
inline constexpr size_t kMaxRecordBytes = 20 + 2 * 16 + kMaxPackedOptions;

enum class FrameType : uint8_t {
  hello = 1,
  claim = 2,
  unclaim = 3,
  headers = 4,
  heartbeat = 5,
  counters = 6,
  error = 7,
  claim_range = 8,
};

// The closed list of what can be wrong with received bytes.
enum class FrameError : uint8_t {
  bad_version,   // another protocol version, or no header return at all
  bad_type,      // a frame type this version does not have
  too_long,      // length above kMaxFrameBytes
  short_record,  // the frame ends inside a record
  bad_record,    // a field of a record is out of range
  bad_options,   // a record's TCP options are malformed
  bad_count,     // bytes left over after `count` records
};
inline constexpr size_t kFrameErrors = 7;
[[nodiscard]] const char* to_string(FrameError error);

struct Frame {
  FrameType type = FrameType::heartbeat;
  uint16_t count = 0;
  Bytes body;
};

// Every connection from the clients of `client_prefix` to `server` (port 0: any port).
struct ClaimRange {
  IpAddress client_prefix;
  uint8_t prefix_bits = 0;
  Endpoint server;

  [[nodiscard]] bool contains(const FlowKey& flow) const;
  bool operator==(const ClaimRange&) const = default;
};

// The first whole frame of `bytes`: its size in `consumed`, 0 when more bytes are needed.
[[nodiscard]] tl::expected<Frame, FrameError> next_frame(Bytes bytes, size_t& consumed);

// Appends to `out`, which grows; begin_frame returns where the frame began, for end_frame.
size_t begin_frame(std::vector<uint8_t>& out, FrameType type);
void end_frame(std::vector<uint8_t>& out, size_t begin, size_t count);
// At most kMaxRecordBytesV4 or kMaxRecordBytes. SACK blocks that do not fit are left out.
void append_record(std::vector<uint8_t>& out, const HeaderRecord& record);
void append_flow(std::vector<uint8_t>& out, const FlowKey& flow);
void append_range(std::vector<uint8_t>& out, const ClaimRange& range);
// Take one item off the front of `body`.
[[nodiscard]] tl::expected<HeaderRecord, FrameError> take_record(Bytes& body);
[[nodiscard]] tl::expected<FlowKey, FrameError> take_flow(Bytes& body);
[[nodiscard]] tl::expected<ClaimRange, FrameError> take_range(Bytes& body);

// Hands each of the frame's items, taken by `take`, to `use`; stops at the first that is malformed.
template <class Take, class Use>
[[nodiscard]] tl::expected<void, FrameError> for_each_item(const Frame& frame, Take take, Use use) {
  Bytes body = frame.body;
  for (uint16_t i = 0; i < frame.count; ++i) {
    const auto item = take(body);
    if (!item) return tl::unexpected(item.error());
    use(*item);
  }
  if (!body.empty()) return tl::unexpected(FrameError::bad_count);
  return {};
}

}  // namespace mirrorlab::wire
