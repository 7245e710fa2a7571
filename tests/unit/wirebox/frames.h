// Frames for tests of the link stage, and a bench that plays one direction of a link by hand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/wirebox/one_way.h"
#include "wire/checksum.h"
#include "wire/packet.h"

namespace mirrorlab::wirebox {

inline const std::string kClientText = "10.1.0.1:40000";
inline const std::string kServerText = "10.2.0.2:80";

struct Made {
  std::vector<uint8_t> bytes;
  [[nodiscard]] Frame frame() {
    Frame f;
    f.bytes = bytes.data();
    f.size = static_cast<uint32_t>(bytes.size());
    return f;
  }
};

inline Made tcp_frame(const std::string& from, const std::string& to, uint32_t seq,
                      const std::string& data, uint8_t flags = wire::tcp_flag::kAck) {
  wire::TcpHeader h;
  h.src = *wire::Endpoint::parse(from);
  h.dst = *wire::Endpoint::parse(to);
  h.seq = wire::Seq(seq);
  h.flags = flags;
  Made m;
  m.bytes.resize(kEthernetBytes + wire::kMaxHeaderBytes + data.size());
  m.bytes[12] = h.src.address.is_v4() ? 0x08 : 0x86;
  m.bytes[13] = h.src.address.is_v4() ? 0x00 : 0xdd;
  const size_t size =
      wire::write_packet(h, {reinterpret_cast<const uint8_t*>(data.data()), data.size()},
                         m.bytes.data() + kEthernetBytes);
  m.bytes.resize(kEthernetBytes + size);
  return m;
}

struct Sent {
  os::Nanos at;
  std::vector<uint8_t> bytes;
  [[nodiscard]] uint32_t seq() const {
    return wire::parse_ip_packet(wire::Bytes(bytes).subspan(kEthernetBytes))->header.seq.raw();
  }
  [[nodiscard]] bool checksum_valid() const {
    const auto p = wire::parse_ip_packet(wire::Bytes(bytes).subspan(kEthernetBytes));
    return p && p->checksum_valid();
  }
  // A receiver's stack accepts it: the checksums of the IPv4 header and of TCP are right.
  [[nodiscard]] bool accepted() const {
    const auto ip = wire::Bytes(bytes).subspan(kEthernetBytes);
    const bool v4 = (bytes[12] << 8 | bytes[13]) == 0x0800;
    return checksum_valid() &&
           (!v4 || wire::checksum_finish(wire::checksum_add(0, ip.first(20))) == 0);
  }
};

// One direction with a hand-moved clock.
struct Bench {
  explicit Bench(const Settings& settings, uint64_t seed = 1,
                 Direction direction = Direction::a_to_b)
      : way(seed, "online-test", direction, flows, pool, [this](const Frame& f) {
          sent.push_back({now, {f.bytes, f.bytes + f.size}});
          pool.give(f);
        }) {
    way.change(settings);
  }
  // Moves the clock to `until`, letting go of what is due on the way, each at its time.
  void move_to(os::Nanos until) {
    while (way.next_due() <= until) {
      now = way.next_due();
      way.release(now);
    }
    now = until;
  }
  void take(Made made) { way.take(made.frame(), now); }
  [[nodiscard]] std::vector<uint32_t> order() const {
    std::vector<uint32_t> seqs;
    for (const Sent& s : sent) seqs.push_back(s.seq());
    return seqs;
  }
  // Frames in and gained are frames out, dropped, or waiting (which is none once time is over).
  [[nodiscard]] bool balances() const {
    const Counters& c = way.counters();
    uint64_t dropped = 0;
    for (const uint64_t n : c.dropped) dropped += n;
    return c.in + c.duplicated + c.cut == c.out + dropped;
  }

  FlowTable flows;
  FramePool pool{size_t{8} << 20U};
  std::vector<Sent> sent;
  os::Nanos now = os::kNanosPerSecond;
  OneWay way;
};

}  // namespace mirrorlab::wirebox
