// The simulator's TCP endpoints against each other, over a path that loses, repeats and reorders.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sim/content.h"
#include "sim/event_queue.h"
#include "sim/random.h"
#include "sim/tcp_endpoint.h"

namespace mirrorlab::sim {
namespace {

class Pair {
 public:
  Pair(const TcpSettings& a, const TcpSettings& b, uint64_t seed, uint32_t loss_percent)
      : random_(seed), loss_(loss_percent), ends_{End(*this, 0, a), End(*this, 1, b)} {
    ends_[0].tcp.connect(0);
  }

  // Sends `bytes` both ways, then closes; returns when both ends are closed or nothing happens.
  void run(int64_t bytes, uint32_t read_chunk) {
    while (now_ < 4000 * kSecond) {
      for (End& e : ends_) drive(e, bytes, read_chunk);
      const Nanos timer = std::min(ends_[0].tcp.deadline(), ends_[1].tcp.deadline());
      const Nanos at = std::min({timer, queue_.next_at(), read_at_});
      if (at == kNever) return;
      now_ = std::max(now_, at);
      if (read_at_ <= now_) read_at_ = kNever;
      while (queue_.next_at() <= now_) {
        const size_t i = queue_.pop();
        const Flight flight = std::move(flights_[i]);
        End& to = ends_[flight.to];
        if (flight.to == 1 && !opened_ && flight.header.has(wire::tcp_flag::kSyn)) {
          opened_ = true;
          to.tcp.accept(flight.header, {}, now_);
        } else {
          to.tcp.on_segment(flight.header, flight.data, now_);
        }
      }
      for (End& e : ends_) {
        if (e.tcp.deadline() <= now_) e.tcp.on_timer(now_);
      }
    }
    FAIL() << "the connection does not end";
  }

  struct End final : TcpUser {
    End(Pair& p, size_t i, const TcpSettings& s)
        : pair(p),
          index(i),
          content(i + 1),
          other(2 - i),
          tcp(s, {endpoint(i), endpoint(1 - i)}, wire::Seq(0xffffff00U + static_cast<uint32_t>(i)),
              *this) {}
    static wire::Endpoint endpoint(size_t i) {
      return {*wire::IpAddress::parse(i == 0 ? "10.0.0.1" : "10.0.0.2"),
              static_cast<uint16_t>(1000 + i)};
    }
    void send_packet(const wire::TcpHeader& h, wire::Bytes data) override {
      pair.carry(1 - index, h, data);
    }
    void received(int64_t offset, wire::Bytes data) override {
      EXPECT_EQ(offset, got);
      EXPECT_EQ(other.mismatch(offset, data), -1) << "at offset " << offset;
      got = offset + static_cast<int64_t>(data.size());
    }
    Pair& pair;
    size_t index;
    Content content, other;
    TcpEndpoint tcp;
    int64_t written = 0, got = 0;
  };
  End& end(size_t i) { return ends_[i]; }
  [[nodiscard]] size_t packets() const { return flights_.size(); }

 private:
  struct Flight {
    size_t to;
    wire::TcpHeader header;
    std::vector<uint8_t> data;
  };
  void carry(size_t to, const wire::TcpHeader& h, wire::Bytes data) {
    if (random_.chance(loss_)) return;
    const int copies = random_.chance(loss_ / 3) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const Nanos late = random_.chance(loss_) ? 8 * kMillisecond : 0;
      flights_.push_back({to, h, {data.begin(), data.end()}});
      queue_.push(now_ + 2 * kMillisecond + late, flights_.size() - 1);
    }
  }
  void drive(End& e, int64_t bytes, uint32_t read_chunk) {
    if (e.tcp.unread() > 0 && read_at_ == kNever) {
      e.tcp.read(read_chunk == 0 ? e.tcp.unread() : read_chunk, now_);
      if (e.tcp.unread() > 0) read_at_ = now_ + kMillisecond;
    }
    const TcpState state = e.tcp.state();
    if (state != TcpState::established && state != TcpState::close_wait) return;
    std::vector<uint8_t> chunk(4096);
    while (e.written < bytes && e.tcp.send_space() > 0) {
      const auto n = std::min<size_t>(
          {chunk.size(), static_cast<size_t>(bytes - e.written), e.tcp.send_space()});
      e.content.fill(e.written, {chunk.data(), n});
      e.written += static_cast<int64_t>(e.tcp.write({chunk.data(), n}, now_));
    }
    if (e.written == bytes) e.tcp.shutdown_write(now_);
  }

  Random random_;
  uint32_t loss_;
  End ends_[2];
  EventQueue<size_t> queue_;
  std::vector<Flight> flights_;
  Nanos now_ = 0, read_at_ = kNever;
  bool opened_ = false;
};

TcpSettings settings(Random& r) {
  TcpSettings s;
  s.sack = r.chance(70);
  s.timestamps = r.chance(50);
  s.window_scale = r.chance(30) ? int8_t{-1} : static_cast<int8_t>(r.between(0, 9));
  s.receive_buffer = static_cast<uint32_t>(r.skewed(500, 200'000));
  // A window below one unit of its scale cannot be told.
  while (s.window_scale > 0 && s.receive_buffer < 8U << s.window_scale) --s.window_scale;
  if (s.window_scale < 0) s.receive_buffer = std::min<uint32_t>(s.receive_buffer, 65535);
  s.mss = static_cast<uint16_t>(r.between(100, 1460));
  s.nagle = r.chance(30);
  s.super_packet = r.chance(30) ? uint8_t{8} : uint8_t{1};
  s.probe_with_data = r.chance(50);
  s.retries = 30;
  return s;
}

TEST(Endpoint, CarriesBothStreamsWhateverThePathLoses) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random r(seed);
    const TcpSettings a = settings(r), b = settings(r);
    Pair pair(a, b, seed, static_cast<uint32_t>(r.between(0, 12)));
    const int64_t bytes = r.skewed(1, 60'000);
    pair.run(bytes, r.chance(50) ? 700 : 0);
    for (size_t i : {0U, 1U}) {
      EXPECT_EQ(pair.end(i).got, bytes);
      EXPECT_EQ(pair.end(i).tcp.state(), TcpState::closed);
      EXPECT_FALSE(pair.end(i).tcp.was_reset());
      EXPECT_FALSE(pair.end(i).tcp.timed_out());
    }
    if (HasFailure()) return;
  }
}

TEST(Endpoint, NeedsNoMorePacketsThanASenderShould) {
  TcpSettings s;
  s.receive_buffer = 60'000;
  Pair pair(s, s, 1, 0);
  pair.run(100'000, 0);
  // 70 segments of 1,448 bytes each way, an ack for every second, three to open, four to close.
  EXPECT_LT(pair.packets(), 240U);
}

}  // namespace
}  // namespace mirrorlab::sim
