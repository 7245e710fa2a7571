// All sessions of a core: finding them, chaining those that reuse a 4-tuple (S10), their timers.
//
// The index maps a mirrored flow to its active session; later connections of the same 4-tuple wait
// in the successor chain until the active twin has finished. Client packets belong to the last of
// the chain, header records to the first.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/core/env.h"
#include "engine/core/flow_index.h"
#include "engine/core/refused.h"
#include "engine/core/timer_wheel.h"
#include "wire/header_record.h"
#include "wire/packet.h"

namespace mirrorlab::engine {

class SessionTable {
 public:
  SessionTable(const Config& config, Sink& sink);
  ~SessionTable();
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  void on_client_packet(const wire::TcpPacket& packet, Nanos now);
  void on_header(const wire::HeaderRecord& record, Nanos now);
  void on_client_packets(std::span<const wire::TcpPacket> packets, Nanos now);
  void on_headers(std::span<const wire::HeaderRecord> records, Nanos now);
  // `test`: null for all.
  void on_header_link(const wire::Endpoint* test, bool up, Nanos now);
  void on_header_late(const wire::Endpoint& test, Nanos now);
  void claim_again();
  void on_capture_loss(Nanos now);
  void flush(Nanos now);
  void flush_some(Nanos now, uint64_t segments);
  void fire_timers(Nanos now);
  [[nodiscard]] Nanos next_wakeup() const;
  void stop_accepting() { accepting_ = false; }
  void shutdown(Nanos now);
  [[nodiscard]] bool drained() const;
  [[nodiscard]] const Env& env() const { return env_; }
  [[nodiscard]] uint64_t memory_bytes() const;
  [[nodiscard]] std::string check_invariants() const;

 private:
  static constexpr size_t kSlab = 1024;
  // Packets that are looked up together; their sessions fit the first-level cache.
  static constexpr size_t kBatch = 32;
  static constexpr size_t kAhead = 8;  // of due timers
  // A busy client may reuse a port several times before a slow test host has caught up.
  static constexpr int kMaxChain = 64;

  [[nodiscard]] Session& at(uint32_t id) { return slabs_[id / kSlab][id % kSlab]; }
  [[nodiscard]] const Session& at(uint32_t id) const { return slabs_[id / kSlab][id % kSlab]; }
  [[nodiscard]] uint32_t find(const wire::FlowKey& mirrored, uint64_t hash) const;
  [[nodiscard]] int mapping_of(const wire::TcpPacket& packet) const;
  [[nodiscard]] bool is_test_endpoint(const wire::Endpoint& endpoint) const;

  void prefetch_sessions(std::span<const uint64_t> hashes) const;
  void take_client_packet(const wire::TcpPacket& packet, int mapping, uint64_t hash, Nanos now);
  void take_header(const wire::HeaderRecord& record, uint64_t hash, Nanos now);
  uint32_t take_slot();
  uint32_t create(const wire::TcpPacket& packet, size_t mapping, Nanos now);
  [[nodiscard]] bool has_room(const wire::TcpPacket& packet) const;
  void adopt(Session& s, const wire::TcpPacket& packet);
  void begin(const wire::TcpPacket& packet, size_t mapping, uint64_t hash, uint32_t ts_offset,
             Nanos now);
  void reuse(uint32_t first, uint32_t last, const wire::TcpPacket& packet, Nanos now);
  void refuse(const wire::TcpPacket& packet, LossReason reason);
  void promote_successor(uint32_t finished, Nanos now);
  void remove(uint32_t id);
  void mark_dirty(uint32_t id);
  [[nodiscard]] bool has_dirty() const {
    return flushing_ != kNoSession || dirty_head_ != kNoSession;
  }
  void flush_one(Nanos now);
  void note_busy(uint32_t id);
  void settle(uint32_t id, Nanos now);
  void set_idle_timer(uint32_t id);
  void let_go_of_silent(Nanos now);

  Config config_;
  Env env_;
  std::vector<std::unique_ptr<Session[]>> slabs_;
  std::vector<uint32_t> free_;
  FlowIndex index_;
  TimerWheel wheel_;       // what is under way
  TimerWheel idle_wheel_;  // idle sessions: apart, so that packets leave it alone
  std::vector<uint32_t> due_;
  RefusedConnections refused_;
  uint32_t dirty_head_ = kNoSession;
  // Taken from dirty_head_ as a whole, so that no session waits for others that come after it.
  uint32_t flushing_ = kNoSession;
  Nanos let_go_at_ = kNever;  // of sessions silent since the capture lost packets
  uint32_t in_use_ = 0;
  int64_t busy_ = 0;  // sessions with something left to do
  bool accepting_ = true;
};

}  // namespace mirrorlab::engine
