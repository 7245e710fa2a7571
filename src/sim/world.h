// The virtual network of one run: clients, online host, capture, engine, test host, intercept.
//
// Everything happens through one event queue; nothing reads a clock or any state outside. Packets
// travel as headers and payload, so that a run costs microseconds per packet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/application.h"
#include "sim/engine_host.h"
#include "sim/event_queue.h"
#include "sim/judge.h"
#include "sim/tamper.h"
#include "sim/trace.h"
#include "sim/virtual_intercept.h"

namespace mirrorlab::sim {

class World : public engine::Sink {
 public:
  World(const Settings& settings, FaultPlan& plan, Trace& trace, const Tamper& tamper);
  ~World() override;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Runs until nothing happens any more, or until something is wrong.
  void run();
  [[nodiscard]] const Judge& judge() const { return judge_; }
  [[nodiscard]] uint64_t events() const { return events_; }
  [[nodiscard]] Nanos now() const { return now_; }
  [[nodiscard]] const engine::Counters& counters() const { return counters_; }

  void transmit(const wire::TcpHeader& header, wire::Bytes payload) override;
  void claim(const wire::FlowKey& mirrored) override;
  void unclaim(const wire::FlowKey& mirrored) override;
  void on_session_end(const engine::SessionReport& report) override;

 private:
  enum class Role : uint8_t { client, online, test };
  enum class EventType : uint8_t {
    packet,
    record,
    claim,
    host_timer,
    engine_turn,
    engine_timer,
    start_stream,
    fault_begins,
    fault_ends,
    engine_starts,
    link_up,
  };
  struct Event {
    EventType type;
    Hop hop;
    uint32_t index;       // packet, connection, slot, fault, record or claim
    uint32_t generation;  // of the header return, of the engine; 1: captured in part
  };
  struct Connection;
  struct Claim {
    wire::FlowKey flow;
    bool on;
  };

  void handle(const Event& event);
  void push(Nanos at, EventType type, uint32_t index = 0, Hop hop = Hop::count_,
            uint32_t generation = 0);
  // Packets on their way.
  void send(Hop hop, const wire::TcpHeader& header, wire::Bytes payload, uint32_t stream);
  void arrive(Hop hop, uint32_t packet, bool truncated);
  uint32_t store(const wire::TcpHeader& header, wire::Bytes payload, uint32_t stream);
  [[nodiscard]] uint32_t slot_of(const wire::Endpoint& client) const;
  void arrive_at_engine(Packet& packet, bool truncated);
  void return_header(const wire::HeaderRecord& record);
  // Hosts.
  void to_host(Role role, Packet& packet);
  [[nodiscard]] Connection* find(Role role, const wire::FlowKey& local_to_remote);
  void accept(Role role, Packet& packet);
  void refuse(Role role, const Packet& packet);
  void settle(Connection& connection);
  void watch(Connection& connection);
  void start_stream(uint32_t slot);
  void plan_next_stream(uint32_t slot);
  // Engine.
  void start_engine();
  void engine_turn();
  void engine_timer();
  void after_engine();
  void begin_fault(uint32_t index);
  void end_fault(uint32_t index);
  void set_link(bool up);
  void finish();

  const Settings& settings_;
  FaultPlan& plan_;
  Trace& trace_;
  const Tamper& tamper_;
  Judge judge_;
  EngineHost engine_;
  VirtualIntercept intercept_;
  EventQueue<Event> queue_;
  std::vector<Path> paths_;
  std::vector<Packet> packets_;
  std::vector<uint32_t> free_packets_;
  std::vector<wire::HeaderRecord> records_;
  std::vector<Claim> claims_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<uint32_t> next_conversation_;  // per slot
  std::vector<wire::Seq> next_isn_;          // per slot
  Random random_;
  Nanos now_ = 0, last_busy_ = 0;
  Nanos engine_timer_at_ = kNever;
  Nanos claim_arrives_ = 0;
  uint64_t events_ = 0, busy_ = 0;
  uint32_t link_generation_ = 0, engine_generation_ = 0;
  uint32_t link_blocks_ = 0;  // reasons for which the header return is down
  bool link_up_ = false;
  bool engine_turn_due_ = false;
  engine::Counters counters_;
};

}  // namespace mirrorlab::sim
