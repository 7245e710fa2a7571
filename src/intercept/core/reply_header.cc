#include "intercept/core/reply_header.h"

namespace mirrorlab::intercept {

namespace {
bool without_length(wire::Bytes ip) {
  const size_t at = ip[0] >> 4U == 4 ? 2 : 4;
  return wire::load16(&ip[at]) == 0;
}
}  // namespace

tl::expected<wire::HeaderRecord, wire::ParseError> read_reply(wire::Bytes bytes,
                                                              size_t wire_bytes) {
  const auto packet = wire::parse_ip_packet(bytes);
  if (!packet) return tl::unexpected(packet.error());
  wire::HeaderRecord r;
  r.flow = {packet->header.dst, packet->header.src};
  r.seq = packet->header.seq;
  r.ack = packet->header.ack;
  r.flags = packet->header.flags;
  r.window = packet->header.window;
  r.payload_length = packet->payload_length;
  if (wire_bytes > bytes.size() && without_length(bytes)) {
    r.payload_length += static_cast<uint32_t>(wire_bytes - bytes.size());
  }
  r.options = packet->header.options;
  return r;
}

}  // namespace mirrorlab::intercept
