// The header return protocol (docs/HEADER-RETURN.md): framing and records, bytes in and bytes out.
//
// Frame: u32 length of what follows the 8-byte header, u8 type, u8 version, u16 count; big-endian.
// Decoding never trusts a length: any bytes give frames or one named error.
#pragma once

#include <cstdint>
#include <vector>

#include <tl/expected.hpp>

#include "wire/bytes.h"
#include "wire/header_record.h"

namespace mirrorlab::wire {

inline constexpr uint8_t kHeaderReturnVersion = 1;
inline constexpr uint16_t kHeaderReturnPort = 36524;
inline constexpr size_t kFrameHeaderBytes = 8;
inline constexpr size_t kMaxFrameBytes = 64 * 1024;

enum class FrameType : uint8_t { hello = 1, claim = 2, unclaim = 3, headers = 4, heartbeat = 5 };

enum class FrameError : uint8_t { bad_version, bad_type, too_long, short_record, bad_record, bad_count };
[[nodiscard]] const char* to_string(FrameError error);

struct Frame {
  FrameType type = FrameType::heartbeat;
  uint16_t count = 0;
  Bytes body;
};

// The first whole frame of `bytes`: its size in `consumed`, 0 when more bytes are needed.
[[nodiscard]] tl::expected<Frame, FrameError> next_frame(Bytes bytes, size_t& consumed);

// Appends to `out`, which grows; begin_frame returns where the frame began, for end_frame.
size_t begin_frame(std::vector<uint8_t>& out, FrameType type);
void end_frame(std::vector<uint8_t>& out, size_t begin, size_t count);
// At most 64 bytes for IPv4, 88 for IPv6.
void append_record(std::vector<uint8_t>& out, const HeaderRecord& record);
void append_flow(std::vector<uint8_t>& out, const FlowKey& flow);
// Take one item off the front of `body`.
[[nodiscard]] tl::expected<HeaderRecord, FrameError> take_record(Bytes& body);
[[nodiscard]] tl::expected<FlowKey, FrameError> take_flow(Bytes& body);

}  // namespace mirrorlab::wire
