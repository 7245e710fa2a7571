#include "harness/verify/connections.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "wire/checksum.h"
#include "wire/packet.h"

namespace mirrorlab::verify {

namespace {
namespace flag = wire::tcp_flag;
// Farther from the expected place than any window: not of this connection.
constexpr int64_t kPlausible = int64_t{1} << 30;
// An ack this far from the last one acks another connection's answers.
constexpr int64_t kSameAnswers = int64_t{16} << 20;

bool ip_checksum_valid(wire::Bytes packet) {
  if ((packet[0] >> 4U) != 4) return true;
  return wire::checksum_finish(wire::checksum_add(0, packet.first((packet[0] & 15U) * 4U))) == 0;
}
}  // namespace

uint64_t Connection::bytes_beyond_hole() const {
  uint64_t bytes = 0;
  for (const auto& [offset, piece] : beyond_hole) bytes += piece.length;
  return bytes;
}

const Piece* Connection::at(int64_t offset) const {
  if (offset < 0 || offset >= length) return nullptr;
  const auto after = std::ranges::upper_bound(pieces, offset, {}, &Piece::offset);
  return &*(after - 1);
}

class Assembler {
 public:
  Assembler(const wire::Endpoint& service, Connections& out) : service_(service), out_(out) {}

  void take(const TapPacket& tap) {
    if (tap.size < 20) return;
    const auto parsed = wire::parse_ip_packet(tap.bytes());
    if (!parsed) return;
    const auto& h = parsed->header;
    const bool from_client = h.dst == service_;
    if (!from_client && h.src != service_) return;
    if (from_client && tap.outgoing) return;  // sent by this host, thus not to it
    if (!tap.checksum_open && !sound(*parsed, tap)) {
      ++out_.bad_checksums;
      return;
    }
    if (from_client) {
      on_client(*parsed, tap.time_ns);
    } else {
      on_service(*parsed, tap.time_ns);
    }
  }

 private:
  // Of what a tap cut off nothing can be said.
  static bool sound(const wire::TcpPacket& p, const TapPacket& tap) {
    if (p.truncated()) return tap.size < tap.length;
    return p.checksum_valid() && ip_checksum_valid(tap.bytes());
  }
  Connection* last(const wire::Endpoint& client) {
    const auto found = out_.by_client.find(client);
    return found == out_.by_client.end() ? nullptr : &out_.all[found->second.back()];
  }
  Connection& open(const wire::Endpoint& client, wire::Seq zero, bool whole, int64_t now) {
    out_.by_client[client].push_back(static_cast<uint32_t>(out_.all.size()));
    Connection& c = out_.all.emplace_back();
    c.client = client;
    c.zero = zero;
    c.whole = whole;
    c.first_ns = c.last_ns = now;
    return c;
  }

  void on_client(const wire::TcpPacket& p, int64_t now) {
    const auto& h = p.header;
    Connection* c = last(h.src);
    if (h.has(flag::kSyn)) {
      const wire::Seq zero = h.seq + 1;
      if (c == nullptr || c->zero != zero || c->close != CloseKind::open) {
        c = &open(h.src, zero, true, now);
      } else if (c->established) {
        c->syn_again_ = true;
      }
      add_data(*c, zero, p, now);
      return;
    }
    if (c == nullptr) {
      if (h.has(flag::kRst)) {
        ++out_.strays;
        return;
      }
      c = &open(h.src, h.seq, false, now);  // joined in the middle
    }
    if (c->syn_again_ && h.has(flag::kAck) && !h.has(flag::kRst)) {
      c->syn_again_ = false;
      const int64_t ack = wire::unwrap(h.ack, c->answer_zero_, c->acked);
      if (std::abs(ack - c->acked) > kSameAnswers) c = &open(h.src, c->zero, true, now);
    }
    const int64_t offset = wire::unwrap(h.seq, c->zero, c->length);
    if (std::abs(offset - c->length) > kPlausible) {
      ++out_.strays;
      return;
    }
    c->last_ns = now;
    if (h.has(flag::kAck) && !h.has(flag::kRst)) {
      c->established = true;
      if (!c->answer_known_) c->answer_zero_ = h.ack;
      c->answer_known_ = true;
      const int64_t acked = wire::unwrap(h.ack, c->answer_zero_, c->acked);
      if (acked > c->acked && acked - c->acked < kPlausible) c->acked = acked;
    }
    const int64_t before = c->length;
    add_data(*c, h.seq, p, now);
    if (c->close == CloseKind::rst && c->length > before) c->goes_on_ = true;
    if (c->close == CloseKind::open && (h.has(flag::kFin) || h.has(flag::kRst))) {
      c->close = h.has(flag::kRst) ? CloseKind::rst : CloseKind::fin;
      c->close_ns = now;
    }
  }

  void on_service(const wire::TcpPacket& p, int64_t now) {
    Connection* c = last(p.header.dst);
    if (c == nullptr || p.payload_length == 0) return;
    if (!c->answer_known_) {
      c->answer_zero_ = p.header.seq;
      c->answer_known_ = true;
    }
    const int64_t end =
        wire::unwrap(p.header.seq + p.payload_length, c->answer_zero_, c->answer_end);
    if (end <= c->answer_end || end - c->answer_end > kPlausible) return;
    c->answer_end = end;
    // A reset that the service's host did not take, as one that answers numbers of another
    // connection.
    if (std::exchange(c->goes_on_, false)) c->close = CloseKind::open;
    if (c->waiting_since_ == 0) return;
    c->answer_ms.push_back(static_cast<float>(now - c->waiting_since_) / 1e6F);
    c->waiting_since_ = 0;
  }

  static void add_data(Connection& c, wire::Seq first, const wire::TcpPacket& p, int64_t now) {
    if (p.payload.empty()) return;
    Piece piece{wire::unwrap(first, c.zero, c.length), static_cast<uint32_t>(p.payload.size()),
                p.payload.data(), c.acked, now};
    if (piece.offset < 0) return;  // a keep-alive probe before the first byte
    place(c, piece);
    while (!c.beyond_hole.empty() && c.beyond_hole.begin()->first <= c.length) {
      const Piece held = c.beyond_hole.begin()->second;
      c.beyond_hole.erase(c.beyond_hole.begin());
      place(c, held);
    }
  }

  static void place(Connection& c, Piece piece) {
    if (piece.offset > c.length) {
      auto& held = c.beyond_hole[piece.offset];
      if (piece.length > held.length) held = piece;
      return;
    }
    if (piece.offset < c.length) {
      // A keep-alive probe repeats one byte of any content (RFC 9293 3.8.4).
      if (piece.length == 1 && piece.offset == c.length - 1) return;
      const auto known =
          static_cast<uint32_t>(std::min<int64_t>(c.length - piece.offset, piece.length));
      c.retransmitted_bytes += known;
      c.conflicting_bytes += differing(c, piece, known);
      if (known == piece.length) return;
      piece.offset += known;
      piece.data += known;
      piece.length -= known;
    }
    c.pieces.push_back(piece);
    c.length = piece.end();
    c.waiting_since_ = piece.time_ns;
  }

  static uint64_t differing(const Connection& c, const Piece& again, uint32_t bytes) {
    uint64_t differ = 0;
    int64_t offset = again.offset;
    const int64_t end = again.offset + bytes;
    for (const Piece* held = c.at(offset); offset < end; ++held) {
      const auto run = static_cast<size_t>(std::min(held->end(), end) - offset);
      if (std::memcmp(held->data + (offset - held->offset), again.data + (offset - again.offset),
                      run) != 0) {
        differ += run;
      }
      offset += static_cast<int64_t>(run);
    }
    return differ;
  }

  const wire::Endpoint& service_;
  Connections& out_;
};

Connections reassemble(const PacketLog& log, const wire::Endpoint& service) {
  Connections out;
  Assembler assembler(service, out);
  for (const TapPacket& packet : log.packets()) assembler.take(packet);
  return out;
}

}  // namespace mirrorlab::verify
