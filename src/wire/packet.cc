#include "wire/packet.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"

namespace mirrorlab::wire {

namespace {
constexpr uint8_t kTcp = 6;
constexpr uint8_t kFragment = 44;

// Hop-by-hop, routing, destination options: length in 8-byte units past the first 8.
bool is_extension(uint8_t next) { return next == 0 || next == 43 || next == 60; }

struct IpPart {
  IpAddress src;
  IpAddress dst;
  size_t header = 0;  // bytes before TCP
  size_t total = 0;   // IP length of the whole packet
};

tl::expected<IpPart, ParseError> parse_v4(Bytes p) {
  if (p.size() < 20) return tl::unexpected(ParseError::truncated);
  IpPart ip;
  ip.header = (p[0] & 0x0fU) * 4;
  ip.total = load16(&p[2]);
  // Why: TSO super-packets of 64 KiB and more carry length 0 (kernel: iph->tot_len = 0).
  if (ip.total == 0) ip.total = p.size();
  if (ip.header < 20 || ip.total < ip.header) return tl::unexpected(ParseError::bad_header);
  if (p.size() < ip.header) return tl::unexpected(ParseError::truncated);
  if (p[9] != kTcp) return tl::unexpected(ParseError::not_tcp);
  if ((load16(&p[6]) & 0x3fffU) != 0) return tl::unexpected(ParseError::fragment);
  ip.src = IpAddress::v4(&p[12]);
  ip.dst = IpAddress::v4(&p[16]);
  return ip;
}

tl::expected<IpPart, ParseError> parse_v6(Bytes p) {
  if (p.size() < 40) return tl::unexpected(ParseError::truncated);
  IpPart ip;
  ip.total = 40U + load16(&p[4]);
  if (ip.total == 40) ip.total = p.size();  // Why: jumbo super-packets carry payload length 0.
  ip.src = IpAddress::v6(&p[8]);
  ip.dst = IpAddress::v6(&p[24]);
  uint8_t next = p[6];
  size_t at = 40;
  while (next != kTcp) {
    if (next == kFragment) {
      const bool other = at < p.size() && p[at] != kTcp && !is_extension(p[at]);
      return tl::unexpected(other ? ParseError::not_tcp : ParseError::fragment);
    }
    if (!is_extension(next)) return tl::unexpected(ParseError::not_tcp);
    if (at + 8 > p.size()) return tl::unexpected(ParseError::truncated);
    next = p[at];
    at += 8 + size_t{p[at + 1]} * 8;
    if (at > ip.total) return tl::unexpected(ParseError::bad_header);
  }
  ip.header = at;
  return ip;
}
// `tcp`: 20 bytes at least; `total`: its length before any cut.
tl::expected<TcpPacket, ParseError> read_tcp(const IpAddress& src, const IpAddress& dst, Bytes tcp,
                                             size_t total) {
  const size_t offset = (tcp[12] >> 4U) * 4U;
  if (offset < 20 || offset > total) return tl::unexpected(ParseError::bad_header);
  if (tcp.size() < offset) return tl::unexpected(ParseError::truncated);
  TcpPacket out;
  out.header.src = {src, load16(&tcp[0])};
  out.header.dst = {dst, load16(&tcp[2])};
  out.header.seq = Seq(load32(&tcp[4]));
  out.header.ack = Seq(load32(&tcp[8]));
  out.header.flags = tcp[13];
  out.header.window = load16(&tcp[14]);
  out.header.options = TcpOptions::parse(tcp.subspan(20, offset - 20));
  out.tcp = tcp;
  out.payload = tcp.subspan(offset);
  out.payload_length = static_cast<uint32_t>(total - offset);
  return out;
}
}  // namespace

const char* to_string(ParseError error) {
  switch (error) {
    case ParseError::truncated:
      return "truncated";
    case ParseError::not_ip:
      return "not_ip";
    case ParseError::bad_header:
      return "bad_header";
    case ParseError::not_tcp:
      return "not_tcp";
    case ParseError::fragment:
      return "fragment";
    case ParseError::bad_checksum:
      return "bad_checksum";
  }
  return "?";
}

bool TcpPacket::checksum_valid() const {
  return tcp_checksum(header.src.address, header.dst.address, tcp) == 0;
}

uint32_t TcpPacket::sequence_length() const {
  return payload_length + (header.has(tcp_flag::kSyn) ? 1U : 0U) +
         (header.has(tcp_flag::kFin) ? 1U : 0U);
}

tl::expected<TcpPacket, ParseError> parse_ip_packet(Bytes p) {
  if (p.empty()) return tl::unexpected(ParseError::truncated);
  const unsigned version = p[0] >> 4U;
  if (version != 4 && version != 6) return tl::unexpected(ParseError::not_ip);
  const auto ip = version == 4 ? parse_v4(p) : parse_v6(p);
  if (!ip) return tl::unexpected(ip.error());
  if (ip->total < ip->header + 20) return tl::unexpected(ParseError::bad_header);
  const Bytes held = p.first(std::min(p.size(), ip->total));
  if (held.size() < ip->header + 20) return tl::unexpected(ParseError::truncated);
  return read_tcp(ip->src, ip->dst, held.subspan(ip->header), ip->total - ip->header);
}

tl::expected<TcpPacket, ParseError> parse_tcp_segment(const IpAddress& src, const IpAddress& dst,
                                                      Bytes tcp) {
  if (tcp.size() < 20) return tl::unexpected(ParseError::truncated);
  return read_tcp(src, dst, tcp, tcp.size());
}

size_t header_bytes(const TcpHeader& h) {
  uint8_t options[TcpOptions::kMaxBytes];
  return (h.src.address.is_v4() ? 20U : 40U) + 20U + h.options.write(options);
}

size_t write_headers(const TcpHeader& h, size_t payload_bytes, uint8_t* out, uint16_t ip_id) {
  uint8_t options[TcpOptions::kMaxBytes];
  const size_t option_bytes = h.options.write(options);
  const bool v4 = h.src.address.is_v4();
  const size_t ip_bytes = v4 ? 20 : 40;
  const size_t tcp_bytes = 20 + option_bytes + payload_bytes;
  std::memset(out, 0, ip_bytes + 20);
  uint8_t* tcp = out + ip_bytes;
  if (v4) {
    out[0] = 0x45;
    store16(out + 2, static_cast<uint32_t>(ip_bytes + tcp_bytes));
    store16(out + 4, ip_id);
    out[6] = 0x40;
    out[8] = 64;
    out[9] = kTcp;
    std::memcpy(out + 12, h.src.address.bytes().data(), 4);
    std::memcpy(out + 16, h.dst.address.bytes().data(), 4);
    store16(out + 10, checksum_finish(checksum_add(0, {out, 20})));
  } else {
    out[0] = 0x60;
    store16(out + 4, static_cast<uint32_t>(tcp_bytes));
    out[6] = kTcp;
    out[7] = 64;
    std::memcpy(out + 8, h.src.address.bytes().data(), 16);
    std::memcpy(out + 24, h.dst.address.bytes().data(), 16);
  }
  store16(tcp, h.src.port);
  store16(tcp + 2, h.dst.port);
  store32(tcp + 4, h.seq.raw());
  store32(tcp + 8, h.ack.raw());
  tcp[12] = static_cast<uint8_t>((20 + option_bytes) / 4 << 4);
  tcp[13] = h.flags;
  store16(tcp + 14, h.window);
  store16(tcp + 16, tcp_pseudo_sum(h.src.address, h.dst.address, tcp_bytes));
  std::memcpy(tcp + 20, options, option_bytes);
  return ip_bytes + 20 + option_bytes;
}

size_t write_packet(const TcpHeader& h, Bytes payload, uint8_t* out, uint16_t ip_id) {
  const size_t head = write_headers(h, payload.size(), out, ip_id);
  if (!payload.empty()) std::memcpy(out + head, payload.data(), payload.size());
  const size_t ip_bytes = h.src.address.is_v4() ? 20 : 40;
  const size_t total = head + payload.size();
  // The field already holds the sum of the pseudo header.
  store16(out + ip_bytes + 16,
          checksum_finish(checksum_add(0, {out + ip_bytes, total - ip_bytes})));
  return total;
}

}  // namespace mirrorlab::wire
