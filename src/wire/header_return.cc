#include "wire/header_return.h"

namespace mirrorlab::wire {

namespace {
void put(std::vector<uint8_t>& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void put16(std::vector<uint8_t>& out, uint32_t v) {
  uint8_t b[2];
  store16(b, v);
  put(out, b);
}
void put32(std::vector<uint8_t>& out, uint32_t v) {
  uint8_t b[4];
  store32(b, v);
  put(out, b);
}
size_t address_bytes(uint8_t family) { return family == 4 ? 4 : 16; }
IpAddress take_address(uint8_t family, const uint8_t* p) {
  return family == 4 ? IpAddress::v4(p) : IpAddress::v6(p);
}
constexpr size_t kRecordFixed = 20;
constexpr size_t kFlowFixed = 5;
}  // namespace

const char* to_string(FrameError error) {
  switch (error) {
    case FrameError::bad_version: return "bad_version";
    case FrameError::bad_type: return "bad_type";
    case FrameError::too_long: return "too_long";
    case FrameError::short_record: return "short_record";
    case FrameError::bad_record: return "bad_record";
    case FrameError::bad_count: return "bad_count";
  }
  return "?";
}

tl::expected<Frame, FrameError> next_frame(Bytes bytes, size_t& consumed) {
  consumed = 0;
  if (bytes.size() < kFrameHeaderBytes) return Frame{};
  const uint32_t length = load32(bytes.data());
  if (bytes[5] != kHeaderReturnVersion) return tl::unexpected(FrameError::bad_version);
  if (bytes[4] < 1 || bytes[4] > 5) return tl::unexpected(FrameError::bad_type);
  if (length > kMaxFrameBytes) return tl::unexpected(FrameError::too_long);
  if (bytes.size() < kFrameHeaderBytes + length) return Frame{};
  consumed = kFrameHeaderBytes + length;
  return Frame{static_cast<FrameType>(bytes[4]), load16(bytes.data() + 6),
               bytes.subspan(kFrameHeaderBytes, length)};
}

size_t begin_frame(std::vector<uint8_t>& out, FrameType type) {
  const size_t begin = out.size();
  put32(out, 0);
  out.push_back(static_cast<uint8_t>(type));
  out.push_back(kHeaderReturnVersion);
  put16(out, 0);
  return begin;
}

void end_frame(std::vector<uint8_t>& out, size_t begin, size_t count) {
  store32(&out[begin], static_cast<uint32_t>(out.size() - begin - kFrameHeaderBytes));
  store16(&out[begin + 6], static_cast<uint32_t>(count));
}

void append_record(std::vector<uint8_t>& out, const HeaderRecord& r) {
  uint8_t options[TcpOptions::kMaxBytes];
  const size_t n = r.options.write(options);
  out.push_back(static_cast<uint8_t>(r.flow.client.address.family()));
  out.push_back(r.flags);
  put16(out, r.window);
  put16(out, r.flow.client.port);
  put16(out, r.flow.server.port);
  put32(out, r.seq.raw());
  put32(out, r.ack.raw());
  put32(out, r.payload_length << 8U | static_cast<uint32_t>(n));
  put(out, r.flow.client.address.bytes());
  put(out, r.flow.server.address.bytes());
  put(out, {options, n});
}

void append_flow(std::vector<uint8_t>& out, const FlowKey& flow) {
  out.push_back(static_cast<uint8_t>(flow.client.address.family()));
  put16(out, flow.client.port);
  put16(out, flow.server.port);
  put(out, flow.client.address.bytes());
  put(out, flow.server.address.bytes());
}

tl::expected<HeaderRecord, FrameError> take_record(Bytes& body) {
  if (body.size() < kRecordFixed) return tl::unexpected(FrameError::short_record);
  const uint8_t* p = body.data();
  if (p[0] != 4 && p[0] != 6) return tl::unexpected(FrameError::bad_record);
  const size_t option_bytes = p[19];
  const size_t address = address_bytes(p[0]);
  if (option_bytes > TcpOptions::kMaxBytes) return tl::unexpected(FrameError::bad_record);
  const size_t total = kRecordFixed + 2 * address + option_bytes;
  if (body.size() < total) return tl::unexpected(FrameError::short_record);
  HeaderRecord r;
  r.flags = p[1];
  r.window = load16(p + 2);
  r.flow.client = {take_address(p[0], p + kRecordFixed), load16(p + 4)};
  r.flow.server = {take_address(p[0], p + kRecordFixed + address), load16(p + 6)};
  r.seq = Seq(load32(p + 8));
  r.ack = Seq(load32(p + 12));
  r.payload_length = load32(p + 16) >> 8U;
  r.options = TcpOptions::parse(body.subspan(kRecordFixed + 2 * address, option_bytes));
  body = body.subspan(total);
  return r;
}

tl::expected<FlowKey, FrameError> take_flow(Bytes& body) {
  if (body.size() < kFlowFixed) return tl::unexpected(FrameError::short_record);
  const uint8_t* p = body.data();
  if (p[0] != 4 && p[0] != 6) return tl::unexpected(FrameError::bad_record);
  const size_t address = address_bytes(p[0]);
  if (body.size() < kFlowFixed + 2 * address) return tl::unexpected(FrameError::short_record);
  const FlowKey flow{{take_address(p[0], p + kFlowFixed), load16(p + 1)},
                     {take_address(p[0], p + kFlowFixed + address), load16(p + 3)}};
  body = body.subspan(kFlowFixed + 2 * address);
  return flow;
}

}  // namespace mirrorlab::wire
