// Client connections put together again from a tap: the verifier's own reassembly, which shares
// nothing with the engines but the packet parser. Linear in the packets; stream bytes are not
// copied but referred to in the packet log, which must outlive the result.
//
// Packets whose checksum is wrong are not there: the host dropped them.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/verify/packet_log.h"
#include "wire/flow.h"
#include "wire/seq.h"

namespace mirrorlab::verify {

// Data that first filled its place in the stream, and how far the client had acked by then.
struct Piece {
  int64_t offset = 0;
  uint32_t length = 0;
  const uint8_t* data = nullptr;
  int64_t acked = 0;  // answer bytes, counted from the connection's first ack
  int64_t time_ns = 0;

  [[nodiscard]] int64_t end() const { return offset + length; }
};

enum class CloseKind : uint8_t { open, fin, rst };

struct Connection {
  wire::Endpoint client;
  wire::Seq zero;             // sequence number of stream offset 0
  bool whole = false;         // its SYN was seen
  bool established = false;   // an ack or data of the client followed
  std::vector<Piece> pieces;  // in stream order, without holes, from offset 0
  std::map<int64_t, Piece> beyond_hole;
  int64_t length = 0;  // end of the last piece
  int64_t acked = 0;
  int64_t answer_end = 0;  // answer bytes the service sent, where the tap sees them
  CloseKind close = CloseKind::open;
  int64_t first_ns = 0, last_ns = 0, close_ns = 0;
  uint64_t retransmitted_bytes = 0;
  uint64_t conflicting_bytes = 0;  // sent again with other content
  std::vector<float> answer_ms;    // last byte of a turn to the first of its answer

  [[nodiscard]] uint64_t bytes_beyond_hole() const;
  // The piece that holds `offset`; null when none does.
  [[nodiscard]] const Piece* at(int64_t offset) const;

 private:
  friend class Assembler;
  wire::Seq answer_zero_;
  bool answer_known_ = false;
  bool goes_on_ = false;    // new data came after the reset
  bool syn_again_ = false;  // the same SYN came after the handshake: a copy, or a new connection
  int64_t waiting_since_ = 0;
};

struct Connections {
  std::vector<Connection> all;  // in the order of their first packets
  std::unordered_map<wire::Endpoint, std::vector<uint32_t>> by_client;
  uint64_t bad_checksums = 0;
  uint64_t strays = 0;  // of no connection: resets of something older
};

[[nodiscard]] Connections reassemble(const PacketLog& log, const wire::Endpoint& service);

}  // namespace mirrorlab::verify
