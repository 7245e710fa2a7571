// Serves header records to any number of copy engines.
//
// A slow or dead one never blocks the others: each has a bounded queue, and what does not fit is
// counted (the test host sends it again). Strangers are bounded too: in number, in time to finish
// the hello, and by what a malformed frame costs, which is their connection.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "intercept/core/claims.h"
#include "os/event_loop.h"
#include "os/header_channel.h"

namespace mirrorlab::intercept {

struct ServerLimits {
  size_t peers = 256;
  size_t strangers = 32;                          // before their hello is complete
  size_t queued = os::HeaderChannel::kMaxQueued;  // bytes of records that wait for one peer
};

struct ServerCounters {
  uint64_t peers_accepted = 0;
  uint64_t peers_ready = 0;    // hello complete
  uint64_t peers_refused = 0;  // beyond ServerLimits
  uint64_t peers_closed = 0;
  uint64_t accept_errors = 0;
  uint64_t records_sent = 0;
  uint64_t overflow = 0;                             // records that did not fit a peer's queue
  std::array<uint64_t, os::kCloseReasons> closed{};  // by os::CloseReason
};

class HeaderServer {
 public:
  HeaderServer(os::EventLoop& loop, const os::SharedKey* key, const ServerLimits& limits,
               const ClaimLimits& claims);
  ~HeaderServer();
  HeaderServer(const HeaderServer&) = delete;
  HeaderServer& operator=(const HeaderServer&) = delete;

  tl::expected<void, std::string> listen(const wire::Endpoint& endpoint);
  // The endpoint bound to; its port was chosen by the kernel where 0 was asked for.
  [[nodiscard]] wire::Endpoint bound() const;
  void on_reply(const wire::HeaderRecord& record, os::Nanos now) { claims_.on_reply(record, now); }
  // End of an event-loop turn: writes every peer's records.
  void flush(os::Nanos now);
  // Once a second, by the loop's timer: heartbeats, and the end of peers that are silent.
  void tick(os::Nanos now);
  [[nodiscard]] size_t peers() const { return ready_; }
  [[nodiscard]] const ServerCounters& counters() const { return counters_; }
  [[nodiscard]] const Claims& claims() const { return claims_; }

 private:
  static constexpr os::Nanos kTick = os::kNanosPerSecond;
  struct Peer {
    PeerId id = 0;
    std::unique_ptr<os::HeaderChannel> channel;  // null: the slot is free
    bool ready = false;
    bool dirty = false;  // has records to write
    bool watching_write = false;
  };
  void accept(os::Nanos now);
  void admit(os::Fd fd, os::Nanos now);
  [[nodiscard]] Peer* find(PeerId id);
  void on_event(PeerId id, uint32_t events, os::Nanos now);
  void deliver(PeerId id, const wire::HeaderRecord& record);
  void take_frame(const Peer& peer, const wire::Frame& frame);
  void write(Peer& peer, os::Nanos now);
  void close(Peer& peer, os::Nanos now);

  os::EventLoop& loop_;
  const os::SharedKey* key_;
  ServerLimits limits_;
  os::Fd listener_;
  bool listening_ = false;
  Claims claims_;
  std::vector<Peer> peers_;  // by slot: PeerId % limits_.peers
  std::vector<PeerId> dirty_;
  size_t open_ = 0;
  size_t ready_ = 0;
  PeerId generation_ = 1;
  os::EventLoop::TimerId tick_timer_;
  ServerCounters counters_;
};

}  // namespace mirrorlab::intercept
