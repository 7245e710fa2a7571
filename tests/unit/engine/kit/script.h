// A scripted conversation around the core: a client, a test host, and time moved by hand.
//
//   Script t;
//   t.play(R"(
//     client S 0:0(0) win 65535 <mss 1460,sackOK,wscale 7>
//     engine S 0:0(0) <mss 1460,sackOK,wscale 7>
//     +10ms host S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 7>
//     engine . 1:1(0) ack 1
//     quiet 5s
//   )");
//
// client P   the client's packet P is captured        host P      the test host's reply P returns
// engine P   the engine sends P, now (+T: T later)    quiet T     it sends nothing for T
// link up|down                                        end REASON [captured N] [mirrored N] [lost N]
// shutdown   the engine is stopped                    lost        the capture says it lost packets
// late       the header return is said to be behind
//
// `client/2` and so on name other connections; Script::share_port() puts two on one 4-tuple. Every
// packet of the engine must be expected: what is left over fails the script. After every step the
// invariants are checked, and every packet for what must always hold (destination, MTU, stream
// bytes, window, acks of what was really sent). The first failure prints the history and ends it.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "engine/core/core.h"
#include "unit/engine/kit/notation.h"

namespace mirrorlab::engine::kit {

// The byte at `offset` of connection `n`'s client stream.
[[nodiscard]] uint8_t stream_byte(int n, int64_t offset);

class Script : public Sink {
 public:
  static constexpr Nanos kStart = 1000 * kSecond;

  explicit Script(wire::Family family = wire::Family::v4);
  explicit Script(const Config& config, wire::Family family = wire::Family::v4);
  ~Script() override;
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  // Mappings of the fake hosts, all else as by default.
  static Config config(wire::Family family = wire::Family::v4);

  void play(std::string_view text);
  // A handshake of connection `n`; a lone MSS of 1000 keeps numbers readable.
  void open(int n = 1, std::string_view client_options = "mss 1000,sackOK,wscale 7",
            std::string_view host_options = "mss 1000,sackOK,wscale 7", unsigned window = 65535);
  void share_port(int n, int with) { connection(n).client = connection(with).client; }
  void advance(Nanos by);
  // Leaves out check_invariants(), which walks everything: for tests of cost only.
  void unchecked(bool off) { unchecked_ = off; }
  // Packets the engine sent that no line has taken yet; for tests that look at many.
  std::vector<Notation> take_sent();
  void client(int n, const Notation& packet);
  void host(int n, const Notation& packet);

  [[nodiscard]] Core& core() { return *core_; }
  [[nodiscard]] const Account& account() const { return core_->account(); }
  [[nodiscard]] const Counters& counters() const { return core_->counters(); }
  [[nodiscard]] Nanos now() const { return now_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] size_t claims() const { return claimed_.size(); }
  [[nodiscard]] int claim_calls() const { return claim_calls_; }
  [[nodiscard]] uint64_t lost(LossReason reason) const {
    return account().bytes_lost[static_cast<size_t>(reason)];
  }
  [[nodiscard]] uint64_t lost_sessions(LossReason reason) const {
    return account().sessions_lost[static_cast<size_t>(reason)];
  }

 private:
  struct Peer {
    wire::Endpoint client;
    wire::Seq client_isn, online_isn, host_isn;
    uint8_t host_scale = 0;
    bool syn_seen = false;   // the engine's SYN: what the host may be sent is known
    int64_t window_end = 0;  // highest ack + window the host offered
    int64_t host_sent = 0;   // highest sequence number the host sent
  };
  struct Sent {
    Nanos at = 0;
    int connection = 0;
    Notation packet;
  };

  void transmit(const wire::TcpHeader& header, wire::Bytes payload) override;
  void claim(const wire::FlowKey& mirrored) override;
  void unclaim(const wire::FlowKey& mirrored) override;
  void on_session_end(const SessionReport& report) override;

  Peer& connection(int n);
  [[nodiscard]] int connection_of(const wire::TcpHeader& header);
  void step(std::string_view line);
  void expect_packet(int n, std::string_view text, Nanos at);
  void expect_end(std::string_view text);
  void expect_nothing_left(std::string_view before);
  void check_sent(const Peer& peer, const Notation& packet, size_t bytes);
  void check();
  void record(std::string_view who, int n, const std::string& text);
  void fail(const std::string& why);

  Config config_;
  wire::Family family_;
  std::unique_ptr<Core> core_;
  std::map<int, Peer> connections_;
  std::map<wire::FlowKey, int> claimed_;
  std::deque<Sent> sent_;
  std::deque<std::string> ends_;
  std::vector<std::string> history_;
  std::string script_line_;
  Nanos now_ = kStart;
  Nanos line_time_ = kStart;  // of the latest line; a timer's tick behind now_ at most
  bool failed_ = false;
  bool unchecked_ = false;
  int claim_calls_ = 0;
};

}  // namespace mirrorlab::engine::kit
