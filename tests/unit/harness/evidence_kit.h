// Evidence made by hand: a client's packets at a tap, and what a service would have recorded.
#pragma once

#include <string>
#include <vector>

#include "harness/verify/verify.h"
#include "wire/packet.h"
#include "wire/stream_digest.h"

namespace mirrorlab::verify {

namespace flag = wire::tcp_flag;

inline const wire::Endpoint kClient = *wire::Endpoint::parse("10.1.0.7:40000");
inline const wire::Endpoint kOnline = *wire::Endpoint::parse("10.1.255.1:80");
inline const wire::Endpoint kTest = *wire::Endpoint::parse("10.2.0.2:8080");
inline constexpr uint32_t kIsn = 0xfffffff0U;  // wraps within the first request
inline constexpr uint32_t kAnswerZero = 5001;

// Adds packets to a log, each a millisecond after the last.
class TapWriter {
 public:
  explicit TapWriter(PacketLog& log, int64_t start_ns = 1'000'000'000)
      : log_(log), now_(start_ns) {}
  TapWriter& at(int64_t ns) {
    now_ = ns;
    return *this;
  }
  TapWriter& packet(const wire::Endpoint& from, const wire::Endpoint& to, uint32_t seq,
                    uint32_t ack, uint8_t flags, const std::string& data = {}, bool corrupt = false,
                    bool outgoing = false) {
    wire::TcpHeader h;
    h.src = from;
    h.dst = to;
    h.seq = wire::Seq(seq);
    h.ack = wire::Seq(ack);
    h.flags = flags;
    std::vector<uint8_t> bytes(wire::kMaxHeaderBytes + data.size());
    const size_t size = wire::write_packet(
        h, {reinterpret_cast<const uint8_t*>(data.data()), data.size()}, bytes.data());
    if (corrupt) bytes[size - 1] ^= 0x20;
    TapPacket p;
    p.time_ns = now_ += 1'000'000;
    p.data = bytes.data();
    p.size = p.length = static_cast<uint32_t>(size);
    p.outgoing = outgoing;
    log_.add(p);
    return *this;
  }
  [[nodiscard]] int64_t now() const { return now_; }

 private:
  PacketLog& log_;
  int64_t now_;
};

struct SentPiece {
  uint32_t offset;
  std::string data;
  uint32_t acked;  // answer bytes
};

enum class Ending : uint8_t { fin, rst, none };

// One connection from its SYN to its end; `start`: stream offset of its first byte.
inline void write_connection(TapWriter& tap, const wire::Endpoint& service,
                             const std::vector<SentPiece>& pieces,
                             const wire::Endpoint& client = kClient, Ending ending = Ending::fin,
                             uint32_t isn = kIsn, uint32_t start = 0) {
  const uint32_t zero = isn + 1;
  tap.packet(client, service, isn + start, 0, flag::kSyn);
  tap.packet(client, service, zero + start, kAnswerZero, flag::kAck);
  uint32_t end = zero + start;
  uint32_t acked = 0;
  for (const SentPiece& p : pieces) {
    tap.packet(client, service, zero + p.offset, kAnswerZero + p.acked, flag::kAck | flag::kPsh,
               p.data);
    end = zero + p.offset + static_cast<uint32_t>(p.data.size());
    acked = p.acked;
  }
  if (ending == Ending::fin) {
    tap.packet(client, service, end, kAnswerZero + acked + 100, flag::kAck | flag::kFin);
  } else if (ending == Ending::rst) {
    tap.packet(client, service, end, kAnswerZero + acked, flag::kAck | flag::kRst);
  }
}

inline uint64_t digest_of(const std::string& bytes) {
  wire::StreamDigest d;
  d.add({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return d.value();
}

// A service that read each request in a read of its own and answered at once.
inline RecordedConnection recorded(const std::vector<std::string>& requests,
                                   const std::vector<uint32_t>& answers,
                                   const wire::Endpoint& client = kClient) {
  RecordedConnection r;
  r.client = client;
  r.accepted_ns = 1'000'500'000;
  std::string all;
  std::string answer_stream;
  for (size_t i = 0; i < requests.size(); ++i) {
    all += requests[i];
    answer_stream += std::string(answers[i], 'a');
    const auto read = static_cast<uint32_t>(i + 1);
    r.turns.push_back({static_cast<uint32_t>(requests[i].size()),
                       static_cast<uint32_t>(digest_of(requests[i])), answers[i], read, read});
  }
  r.bytes = all.size();
  r.digest = digest_of(all);
  r.answer_bytes = answer_stream.size();
  r.answer_digest = digest_of(answer_stream);
  r.requests = requests.size();
  r.close = "client";
  return r;
}

inline const Check& find_check(const Report& r, const std::string& name) {
  static const Check kNone{"none", false, "no such check", {}};
  for (const Check& c : r.checks) {
    if (c.name == name) return c;
  }
  return kNone;
}
inline bool passes(const Report& r, const std::string& name) { return find_check(r, name).passed; }

// The one check that fails, or all that do, in words.
inline std::string failing(const Report& r) {
  std::string names;
  for (const Check& c : r.checks) {
    if (!c.passed) names += (names.empty() ? "" : " ") + c.name;
  }
  return names;
}

}  // namespace mirrorlab::verify
