// Says what is wrong with a run, from what went into the engine and what came out of it: packets
// captured, packets sent, and what the test host's application received. The engine's own opinion
// (account, reports, invariants) is compared with that evidence and never used in its place.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/core.h"
#include "sim/fault.h"
#include "sim/server_app.h"
#include "sim/settings.h"
#include "sim/stream.h"

namespace mirrorlab::sim {

enum class Check : uint8_t {
  content,     // a byte the client did not send there, or that was never captured
  order,       // a turn before the answer it depended on
  complete,    // bytes missing without a reason
  close,       // another kind of close, or at another position
  account,     // what the engine says of itself does not balance, or contradicts the evidence
  invariants,  // check_invariants()
  stuck,       // something still waits at the end
  harmless,    // a packet for somebody else than the test host
  packet,      // a packet no sender may make: beyond the path's MTU, the MSS, the window
  stack,       // the simulator's own endpoints misbehave
};
[[nodiscard]] const char* to_string(Check check);

struct Violation {
  Check check;
  Nanos at;
  std::string text;
};

class Judge {
 public:
  Judge(const Settings& settings, const FaultPlan& plan) : settings_(settings), plan_(plan) {}

  // Streams are known before their first packet; indices are their ids.
  std::vector<std::unique_ptr<Stream>>& streams() { return streams_; }
  std::vector<MirroredConnection>& mirrored() { return mirrored_; }
  // The stream whose sequence space holds `seq`; null: none.
  [[nodiscard]] Stream* find_stream(const wire::Endpoint& client, wire::Seq seq);
  [[nodiscard]] uint32_t engine() const { return engine_; }
  [[nodiscard]] static int64_t offset_in(const Stream& stream, wire::Seq seq);

  void on_engine_start(Nanos now);
  // It is about to be killed or stopped; what it had counted counts.
  void on_engine_end(const engine::Counters& counters);
  // `length`: of the payload before the capture cut it.
  void on_captured(Stream& stream, const wire::TcpHeader& header, wire::Bytes payload,
                   size_t length, Nanos now);
  void on_missed(Stream& stream) { stream.missed_packets = true; }
  void on_engine_packet(const wire::TcpHeader& header, wire::Bytes payload, Nanos now);
  // The slow path to the test host dropped a packet.
  void on_overflow() { overflowed_ = true; }
  // A record of the test host reached the engine.
  void on_heard(const wire::FlowKey& mirrored);
  // `heard`: how much of the answers the packet acks.
  void on_test_arrival(const wire::TcpHeader& header, size_t length, const ServerApp& app,
                       int64_t heard, MirroredConnection& connection);
  void on_delivered(MirroredConnection& connection, int64_t offset, wire::Bytes data, Nanos now);
  void on_online_delivered(const Stream& stream, int64_t offset, wire::Bytes data, Nanos now);
  void on_report(const engine::SessionReport& report) { reports_.push_back(report); }
  void check_core(const engine::Core& core, Nanos now);
  // The account after shutdown; `drained`: as the engine was before it.
  void finish(const engine::Account& account, const engine::Counters& counters, bool drained,
              Nanos now);
  void fail(Check check, Nanos now, std::string text);

  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }
  [[nodiscard]] uint64_t exact_streams() const { return exact_; }
  [[nodiscard]] uint64_t excused_streams() const { return excused_count_; }

 private:
  struct EarlyTurn {
    uint32_t stream;
    int exchange;
  };
  [[nodiscard]] bool answered(const Stream& stream, const ServerApp& app, size_t exchange,
                              const MirroredConnection& connection) const;
  [[nodiscard]] bool excused(const Stream& stream) const;
  [[nodiscard]] bool misjudges_hole(const Stream& stream) const;
  // What the test host says, or what it hears, may be lost on the way.
  [[nodiscard]] bool replies_may_be_lost() const;
  void take_captured(Stream& stream, const wire::TcpHeader& header, wire::Bytes payload,
                     size_t length);
  void watch_hole(Stream& stream, Nanos now) const;
  void watch_silence(Stream& stream, const wire::TcpHeader& header, size_t length, Nanos now) const;
  void finish_stream(const Stream& stream, Nanos now);
  void check_close(const Stream& stream, const MirroredConnection& connection, Nanos now);
  void check_losses(const engine::Account& account, Nanos now);
  void check_turns(const engine::Counters& counters, Nanos now);
  void check_reports(Nanos now);

  const Settings& settings_;
  const FaultPlan& plan_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<MirroredConnection> mirrored_;
  std::vector<engine::SessionReport> reports_;
  std::vector<Violation> violations_;
  std::vector<EarlyTurn> early_turns_;  // the first of each stream
  uint64_t released_before_ = 0;        // without an answer, by engines before this one
  bool overflowed_ = false;
  uint32_t engine_ = 0;
  uint64_t exact_ = 0, excused_count_ = 0;
};

}  // namespace mirrorlab::sim
