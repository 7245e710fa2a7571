#include "wire/header_return.h"

#include <algorithm>

namespace mirrorlab::wire {

namespace {

constexpr size_t kRecordFixed = 20;
constexpr size_t kFlowFixed = 5;
constexpr size_t kRangeFixed = 4;

void put(std::vector<uint8_t>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
// Copies to `to` and returns the byte after.
uint8_t* copy(Bytes from, uint8_t* to) { return std::copy(from.begin(), from.end(), to); }

constexpr bool is_family(uint8_t family) { return family == 4 || family == 6; }
constexpr size_t address_bytes(uint8_t family) { return family == 4 ? 4 : 16; }
IpAddress address_at(uint8_t family, const uint8_t* p) {
  return family == 4 ? IpAddress::v4(p) : IpAddress::v6(p);
}

// TcpOptions::write pads at the end; the record does not, and so keeps to 36 bytes.
size_t write_packed(const TcpOptions& options, uint8_t* out) {
  TcpOptions kept = options;
  const size_t others = (kept.mss ? 4U : 0U) + (kept.sack_permitted ? 2U : 0U) +
                        (kept.timestamps ? 10U : 0U) + (kept.window_scale ? 3U : 0U);
  const size_t room = (kMaxPackedOptions - others - 2) / 8;
  kept.sack_count = static_cast<uint8_t>(std::min<size_t>(kept.sack_count, room));
  std::array<uint8_t, TcpOptions::kMaxBytes> padded;
  static_cast<void>(kept.write(padded.data()));
  const size_t n = others + (kept.sack_count > 0 ? 2 + size_t{8} * kept.sack_count : 0);
  std::copy_n(padded.begin(), n, out);
  return n;
}

}  // namespace

const char* to_string(FrameError error) {
  switch (error) {
    case FrameError::bad_version:
      return "bad_version";
    case FrameError::bad_type:
      return "bad_type";
    case FrameError::too_long:
      return "too_long";
    case FrameError::short_record:
      return "short_record";
    case FrameError::bad_record:
      return "bad_record";
    case FrameError::bad_options:
      return "bad_options";
    case FrameError::bad_count:
      return "bad_count";
  }
  return "?";
}

bool ClaimRange::contains(const FlowKey& flow) const {
  if (flow.server.address != server.address) return false;
  if (server.port != 0 && flow.server.port != server.port) return false;
  if (flow.client.address.family() != client_prefix.family()) return false;
  const Bytes have = flow.client.address.bytes();
  const Bytes want = client_prefix.bytes();
  const size_t whole = std::min<size_t>(prefix_bits / 8, want.size());
  if (!std::equal(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(whole), have.begin())) {
    return false;
  }
  const unsigned rest = prefix_bits % 8;
  if (rest == 0 || whole == want.size()) return true;
  return ((have[whole] ^ want[whole]) >> (8 - rest)) == 0;
}

tl::expected<Frame, FrameError> next_frame(Bytes bytes, size_t& consumed) {
  consumed = 0;
  if (bytes.size() < kFrameHeaderBytes) return Frame{};
  const uint32_t length = load32(bytes.data());
  if (bytes[5] != kHeaderReturnVersion) return tl::unexpected(FrameError::bad_version);
  if (bytes[4] < 1 || bytes[4] > 8) return tl::unexpected(FrameError::bad_type);
  if (length > kMaxFrameBytes) return tl::unexpected(FrameError::too_long);
  if (bytes.size() < kFrameHeaderBytes + length) return Frame{};
  consumed = kFrameHeaderBytes + length;
  return Frame{static_cast<FrameType>(bytes[4]), load16(bytes.data() + 6),
               bytes.subspan(kFrameHeaderBytes, length)};
}

size_t begin_frame(std::vector<uint8_t>& out, FrameType type) {
  const size_t begin = out.size();
  const uint8_t header[kFrameHeaderBytes] = {
      0, 0, 0, 0, static_cast<uint8_t>(type), kHeaderReturnVersion, 0, 0};
  put(out, header);
  return begin;
}

void end_frame(std::vector<uint8_t>& out, size_t begin, size_t count) {
  store32(&out[begin], static_cast<uint32_t>(out.size() - begin - kFrameHeaderBytes));
  store16(&out[begin + 6], static_cast<uint32_t>(count));
}

void append_record(std::vector<uint8_t>& out, const HeaderRecord& r) {
  uint8_t b[kMaxRecordBytes];
  uint8_t* options =
      copy(r.flow.server.address.bytes(), copy(r.flow.client.address.bytes(), b + kRecordFixed));
  const size_t n = write_packed(r.options, options);
  b[0] = static_cast<uint8_t>(r.flow.client.address.family());
  b[1] = r.flags;
  store16(b + 2, r.window);
  store16(b + 4, r.flow.client.port);
  store16(b + 6, r.flow.server.port);
  store32(b + 8, r.seq.raw());
  store32(b + 12, r.ack.raw());
  store32(b + 16, r.payload_length << 8U | static_cast<uint32_t>(n));
  put(out, {b, static_cast<size_t>(options - b) + n});
}

void append_flow(std::vector<uint8_t>& out, const FlowKey& flow) {
  uint8_t b[kFlowFixed + 32];
  b[0] = static_cast<uint8_t>(flow.client.address.family());
  store16(b + 1, flow.client.port);
  store16(b + 3, flow.server.port);
  const uint8_t* end =
      copy(flow.server.address.bytes(), copy(flow.client.address.bytes(), b + kFlowFixed));
  put(out, {b, static_cast<size_t>(end - b)});
}

void append_range(std::vector<uint8_t>& out, const ClaimRange& range) {
  uint8_t b[kRangeFixed + 32];
  b[0] = static_cast<uint8_t>(range.client_prefix.family());
  b[1] = range.prefix_bits;
  store16(b + 2, range.server.port);
  const uint8_t* end =
      copy(range.server.address.bytes(), copy(range.client_prefix.bytes(), b + kRangeFixed));
  put(out, {b, static_cast<size_t>(end - b)});
}

tl::expected<HeaderRecord, FrameError> take_record(Bytes& body) {
  if (body.size() < kRecordFixed) return tl::unexpected(FrameError::short_record);
  const uint8_t* p = body.data();
  const size_t option_bytes = p[19];
  if (!is_family(p[0]) || option_bytes > kMaxPackedOptions) {
    return tl::unexpected(FrameError::bad_record);
  }
  const size_t address = address_bytes(p[0]);
  const size_t total = kRecordFixed + 2 * address + option_bytes;
  if (body.size() < total) return tl::unexpected(FrameError::short_record);
  HeaderRecord r;
  r.flags = p[1];
  r.window = load16(p + 2);
  r.flow.client = {address_at(p[0], p + kRecordFixed), load16(p + 4)};
  r.flow.server = {address_at(p[0], p + kRecordFixed + address), load16(p + 6)};
  r.seq = Seq(load32(p + 8));
  r.ack = Seq(load32(p + 12));
  r.payload_length = load32(p + 16) >> 8U;
  bool malformed = false;
  r.options = TcpOptions::parse(body.subspan(total - option_bytes, option_bytes), &malformed);
  if (malformed) return tl::unexpected(FrameError::bad_options);
  body = body.subspan(total);
  return r;
}

tl::expected<FlowKey, FrameError> take_flow(Bytes& body) {
  if (body.size() < kFlowFixed) return tl::unexpected(FrameError::short_record);
  const uint8_t* p = body.data();
  if (!is_family(p[0])) return tl::unexpected(FrameError::bad_record);
  const size_t address = address_bytes(p[0]);
  const size_t total = kFlowFixed + 2 * address;
  if (body.size() < total) return tl::unexpected(FrameError::short_record);
  const FlowKey flow{{address_at(p[0], p + kFlowFixed), load16(p + 1)},
                     {address_at(p[0], p + kFlowFixed + address), load16(p + 3)}};
  body = body.subspan(total);
  return flow;
}

tl::expected<ClaimRange, FrameError> take_range(Bytes& body) {
  if (body.size() < kRangeFixed) return tl::unexpected(FrameError::short_record);
  const uint8_t* p = body.data();
  const size_t address = address_bytes(p[0]);
  if (!is_family(p[0]) || p[1] > 8 * address) return tl::unexpected(FrameError::bad_record);
  const size_t total = kRangeFixed + 2 * address;
  if (body.size() < total) return tl::unexpected(FrameError::short_record);
  const ClaimRange range{address_at(p[0], p + kRangeFixed),
                         p[1],
                         {address_at(p[0], p + kRangeFixed + address), load16(p + 2)}};
  body = body.subspan(total);
  return range;
}

}  // namespace mirrorlab::wire
