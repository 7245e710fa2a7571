// Session sync, sans I/O: client packets, header records and time go in; packets toward the test
// host come out through the sink.
//
// Order within a batch: any number of on_client_packet / on_header calls, then flush(), which sends
// what acks and data the batch made due. Time never goes backwards between calls.
// Threads: one Core belongs to one thread. Limits: Config (S11); nothing else grows.
// Invariants: check_invariants(), after any call.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/core/account.h"
#include "engine/core/config.h"
#include "engine/core/sink.h"
#include "wire/header_record.h"
#include "wire/packet.h"

namespace mirrorlab::engine {

class SessionTable;

class Core {
 public:
  // `sink` outlives the core.
  Core(const Config& config, Sink& sink);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // A packet a client sent to the online host. Super-packets are fine; a packet whose payload was
  // cut by the capture (truncated()) counts as not captured.
  void on_client_packet(const wire::TcpPacket& packet, Nanos now);
  // As many, one after the other; flows are looked up for a batch at a time, so that the sessions
  // of one packet are fetched while another is worked on.
  void on_client_packets(std::span<const wire::TcpPacket> packets, Nanos now);
  void on_headers(std::span<const wire::HeaderRecord> records, Nanos now);
  // A reply of the test host.
  void on_header(const wire::HeaderRecord& record, Nanos now);
  // The header return from `test` (from all test hosts) came up or went down. While it is down
  // nothing is concluded from its silence; on up, retransmission back-off is forgotten, and where
  // all come up all live mirrored connections are claimed again.
  void on_header_link(const wire::Endpoint& test, bool up, Nanos now);
  void on_header_link(bool up, Nanos now);
  // Records of what `test` sent before now may still be on their way: that nothing was heard of it
  // until now means nothing. Said again and again while the header return is known to be behind.
  void on_header_late(const wire::Endpoint& test, Nanos now);
  // Claims all live mirrored connections once more, for an intercept that has just been reached.
  void claim_again();
  // The capture has lost packets since this was last said, or since the beginning. Which, nobody
  // knows: a session of which nothing was heard since may have ended meanwhile. It is not counted
  // as mirrored, and after gap_timeout the test host's connection is let go.
  void on_capture_loss(Nanos now);
  // Sends what is due after a batch of packets or records.
  void flush(Nanos now);
  // The same, but ends after about so many segments; what is left is due at once (next_wakeup() is
  // 0). Sending costs far more than taking packets in, and while it lasts a capture may overflow.
  void flush_some(Nanos now, uint64_t segments);
  // Fires timers up to `now`, and flushes.
  void on_timer(Nanos now);
  // The same without the flush.
  void fire_timers(Nanos now);
  // When on_timer wants to be called next; kNever when nothing waits.
  [[nodiscard]] Nanos next_wakeup() const;

  // No new sessions from here on; live ones go on.
  void stop_accepting();
  // Ends every live session: mirrored connections are reset, pending bytes lost as `shutdown`.
  // A session with nothing pending and its stream idle counts as mirrored.
  void shutdown(Nanos now);
  // True when no captured byte waits to be sent or acked.
  [[nodiscard]] bool drained() const;

  [[nodiscard]] const Account& account() const;
  [[nodiscard]] const Counters& counters() const;
  // Bytes held in buffers and tables, for memory figures.
  [[nodiscard]] uint64_t memory_bytes() const;
  // Walks every session. Empty when all holds, else what does not.
  [[nodiscard]] std::string check_invariants() const;

 private:
  std::unique_ptr<SessionTable> table_;
};

}  // namespace mirrorlab::engine
