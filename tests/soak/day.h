// A day of traffic through the engine core in virtual time: long-lived sessions that last all of
// it, short ones that use few 4-tuples again and again, and both ways to the test host lossy.
#pragma once

#include <queue>
#include <vector>

#include "engine/core/core.h"
#include "soak/far_end.h"

namespace mirrorlab::soak {

class Day : private engine::Sink {
 public:
  static constexpr uint32_t kLong = 400;
  static constexpr uint32_t kShort = 200;  // 4-tuples
  static constexpr engine::Nanos kHour = 3600 * engine::kSecond;

  // `spoil`: the test host expects other bytes, to see that it looks.
  Day(engine::Nanos length, bool spoil);
  // Lets it go on until then.
  void run_until(engine::Nanos until);
  // Every client is through, and the engine has nothing left to do.
  void run_to_rest();
  [[nodiscard]] const engine::Core& core() const { return core_; }
  [[nodiscard]] uint64_t events() const { return events_; }
  [[nodiscard]] uint64_t streams() const { return streams_; }
  [[nodiscard]] uint64_t stream_bytes() const { return stream_bytes_; }
  [[nodiscard]] uint64_t lost_packets() const { return lost_; }
  // The first thing found wrong; empty while all is well.
  [[nodiscard]] std::string wrong() const;

 private:
  enum class What : uint8_t { begin, request, client_ack, to_host, to_engine, host_timer };
  struct Event {
    engine::Nanos at = 0;
    uint64_t order = 0;
    What what = What::begin;
    uint32_t client = 0;
    uint32_t packet = 0;  // of packets_ or records_
    bool operator>(const Event& e) const { return std::tie(at, order) > std::tie(e.at, e.order); }
  };
  struct Client {
    Conversation conversation;
    wire::Endpoint endpoint;
    FarEnd host;
    uint32_t isn = 0;
    uint64_t requests = 0;
    uint64_t asked = 0;  // of them
    int64_t sent = 0, heard = 0;
    engine::Nanos timer_at = engine::kNever;
  };
  struct Packet {
    wire::TcpHeader header;
    std::vector<uint8_t> payload;
  };

  void transmit(const wire::TcpHeader& header, wire::Bytes payload) override;
  void claim(const wire::FlowKey&) override {}
  void unclaim(const wire::FlowKey&) override {}
  void push(engine::Nanos at, What what, uint32_t client, uint32_t packet = 0);
  void handle(const Event& event);
  void begin(uint32_t index);
  void request(uint32_t index);
  void client_ack(uint32_t index);
  void capture(const Client& client, uint8_t flags, int64_t offset, uint32_t length);
  void after_host(uint32_t index);
  [[nodiscard]] FarEnd::Reply reply_to_engine(uint32_t index);
  [[nodiscard]] bool lose();
  [[nodiscard]] uint64_t random(uint64_t below);
  [[nodiscard]] engine::Nanos next_at() const;

  engine::Nanos length_;
  std::vector<Client> clients_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue_;
  std::vector<Packet> packets_;
  std::vector<uint32_t> free_packets_;
  std::vector<wire::HeaderRecord> records_;
  std::vector<uint32_t> free_records_;
  std::vector<uint8_t> payload_;
  engine::Nanos now_ = engine::kSecond;
  uint64_t random_ = 42, order_ = 0, events_ = 0, streams_ = 0, stream_bytes_ = 0, lost_ = 0;
  std::string wrong_;
  engine::Core core_;
};

}  // namespace mirrorlab::soak
