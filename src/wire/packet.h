// IP packets that carry TCP: one length check, then accessors that cannot fail.
//
// A TcpPacket is a view; the bytes must outlive it. Sources: RFC 791, 8200, 9293.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>

#include "wire/bytes.h"
#include "wire/flow.h"
#include "wire/seq.h"
#include "wire/tcp_options.h"

namespace mirrorlab::wire {

namespace tcp_flag {
inline constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10,
                         kUrg = 0x20, kEce = 0x40, kCwr = 0x80;
}

enum class ParseError : uint8_t {
  truncated,     // the capture or the packet ends before its headers do
  not_ip,        // version nibble is neither 4 nor 6
  bad_header,    // a length field contradicts the packet
  not_tcp,       // another protocol
  fragment,      // an IP fragment: reassemble first
  bad_checksum,  // reported by verify_checksum only
};
[[nodiscard]] const char* to_string(ParseError error);

// The header of one TCP segment, without its data.
struct TcpHeader {
  Endpoint src;
  Endpoint dst;
  Seq seq;
  Seq ack;
  uint8_t flags = 0;
  uint16_t window = 0;  // as sent, not scaled
  TcpOptions options;

  [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
};

struct TcpPacket {
  TcpHeader header;
  Bytes payload;                // what was captured of it
  uint32_t payload_length = 0;  // by the IP length; larger than payload.size() when cut by a snap
  Bytes tcp;                    // header and captured payload, for the checksum

  [[nodiscard]] bool truncated() const { return payload.size() < payload_length; }
  [[nodiscard]] bool checksum_valid() const;
  // Sequence space taken: payload, plus one each for SYN and FIN.
  [[nodiscard]] uint32_t sequence_length() const;
};

// Reads an IP packet (no link header). Bytes beyond the IP length (Ethernet padding) are cut.
// An IP length of 0 (TSO super-packets of 64 KiB and more) means all the bytes given.
[[nodiscard]] tl::expected<TcpPacket, ParseError> parse_ip_packet(Bytes packet);

// Reads a TCP segment that has lost its IP header; `tcp` is all of it.
[[nodiscard]] tl::expected<TcpPacket, ParseError> parse_tcp_segment(const IpAddress& src,
                                                                    const IpAddress& dst,
                                                                    Bytes tcp);

// Largest header write_packet makes: IPv6 + TCP + options.
inline constexpr size_t kMaxHeaderBytes = 40 + 20 + TcpOptions::kMaxBytes;

// What write_headers will write for `header`.
[[nodiscard]] size_t header_bytes(const TcpHeader& header);

// Writes IP and TCP headers for a payload of that length, the TCP checksum left open: the field
// holds the pseudo header's sum, for an offload to go on from. Returns their length.
[[nodiscard]] size_t write_headers(const TcpHeader& header, size_t payload_bytes, uint8_t* out,
                                   uint16_t ip_id = 0);

// Writes an IP packet with valid checksums into `out` (header room kMaxHeaderBytes + payload).
// Returns its length. TTL / hop limit 64, DF set, TOS 0.
[[nodiscard]] size_t write_packet(const TcpHeader& header, Bytes payload, uint8_t* out,
                                  uint16_t ip_id = 0);

}  // namespace mirrorlab::wire
