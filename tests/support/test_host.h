// A test host for the engine core, in virtual time: it listens, acks, answers and closes as its
// script says, and a wire between loses one of N packets of either direction where asked.
//
// It is the far end of one client's mirrored connections, one after the other; what it accepted is
// kept byte by byte. Small on purpose, and shares no code with the engine but the wire layer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "engine/core/core.h"

namespace mirrorlab::testing {

// When the client's stream is received up to `after`, the host sends what is said here.
struct Answer {
  wire::Seq after;
  uint32_t bytes = 0;
  bool fin = false;
  bool rst = false;
};

// What one mirrored connection brought.
struct Accepted {
  wire::Seq isn;               // of the engine's SYN
  std::vector<uint8_t> bytes;  // in order, from isn + 1 on
  bool fin = false;
  bool reset = false;
};

class TestHost : public engine::Sink {
 public:
  static constexpr engine::Nanos kOneWay = engine::kMillisecond;

  // `lose_one_of` 0: a perfect wire.
  TestHost(const engine::Config& config, std::vector<Answer> answers, uint32_t lose_one_of);

  [[nodiscard]] engine::Core& core() { return core_; }
  [[nodiscard]] engine::Nanos now() const { return now_; }
  [[nodiscard]] const std::vector<engine::SessionReport>& reports() const { return reports_; }
  [[nodiscard]] const std::vector<Accepted>& accepted() const { return accepted_; }
  // The first thing found wrong, empty while all is well: invariants are checked after each event.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

  void client(const wire::TcpPacket& packet);
  // Lets everything up to `until` happen.
  void run_until(engine::Nanos until);
  // Lets time pass until the engine wants nothing more. False when it never comes to rest.
  bool run_to_rest();

 private:
  struct Event {
    engine::Nanos at;
    uint64_t order;
    bool to_host;
    wire::TcpHeader header;
    std::vector<uint8_t> payload;
    wire::HeaderRecord record;
    bool operator>(const Event& e) const { return std::tie(at, order) > std::tie(e.at, e.order); }
  };

  void transmit(const wire::TcpHeader& header, wire::Bytes payload) override;
  void claim(const wire::FlowKey&) override {}
  void unclaim(const wire::FlowKey&) override {}
  void on_session_end(const engine::SessionReport& report) override { reports_.push_back(report); }

  [[nodiscard]] engine::Nanos next_event() const;
  void step();
  void check();
  bool lost();
  void on_packet(const wire::TcpHeader& h, const std::vector<uint8_t>& payload);
  void accept(const wire::TcpHeader& syn);
  void take_data(const wire::TcpHeader& h, const std::vector<uint8_t>& payload);
  void answer();
  void send_from(int64_t offset);
  void reply(uint8_t flags, wire::Seq seq, uint32_t length);
  void refuse(const wire::TcpHeader& h);

  engine::Config config_;
  std::vector<Answer> answers_;
  uint32_t lose_one_of_;
  uint32_t sent_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> wire_;
  uint64_t order_ = 0;
  engine::Nanos now_ = engine::kSecond;
  std::vector<engine::SessionReport> reports_;
  std::vector<Accepted> accepted_;
  std::string wrong_;

  // The connection of now; `open` while the host's TCP knows it.
  bool open_ = false;
  wire::FlowKey flow_;
  bool sack_ok_ = false, timestamps_ok_ = false, scale_ok_ = false;
  uint32_t ts_recent_ = 0;
  int64_t received_ = 0;  // stream bytes in order
  std::map<int64_t, std::vector<uint8_t>> ahead_;
  std::optional<int64_t> fin_at_;
  bool fin_received_ = false;
  wire::Seq iss_;
  size_t next_answer_ = 0;
  int64_t answer_end_ = 0;  // bytes to send in all, without the FIN
  bool answer_fin_ = false;
  int64_t acked_ = 0, next_ = 0;  // of the answer, the FIN counted
  engine::Nanos resend_at_ = engine::kNever;

  engine::Core core_;
};

}  // namespace mirrorlab::testing
