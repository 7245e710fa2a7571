// Serves header records to any number of copy engines. A slow or dead one never blocks the others:
// each has a bounded queue, and what does not fit is counted (the test host will send it again).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "intercept/core/claims.h"
#include "os/event_loop.h"
#include "os/header_channel.h"

namespace mirrorlab::intercept {

struct ServerCounters {
  uint64_t peers_accepted = 0;
  uint64_t peers_closed = 0;
  uint64_t records_sent = 0;
  uint64_t overflow = 0;
  std::map<std::string, uint64_t> closed_by_reason;
};

class HeaderServer {
 public:
  HeaderServer(os::EventLoop& loop, const os::SharedKey* key);
  tl::expected<void, std::string> listen(const wire::Endpoint& endpoint);
  void on_reply(const wire::HeaderRecord& record, int64_t now) { claims_.on_reply(record, now); }
  // End of an event-loop turn: closes batches and writes them.
  void flush(int64_t now);
  [[nodiscard]] const ServerCounters& counters() const { return counters_; }
  [[nodiscard]] const Claims& claims() const { return claims_; }

 private:
  struct Peer {
    os::HeaderChannel channel;
    size_t frame = 0;
    size_t records = 0;  // in the open frame
    bool watching_write = false;
  };
  void accept();
  void on_event(PeerId id, uint32_t events);
  void deliver(PeerId id, const wire::HeaderRecord& record);
  void close_batch(Peer& peer);
  void take_frame(PeerId id, Peer& peer, const wire::Frame& frame);
  void write(PeerId id);
  void close(PeerId id);

  os::EventLoop& loop_;
  const os::SharedKey* key_;
  os::Fd listener_;
  Claims claims_;
  std::map<PeerId, std::unique_ptr<Peer>> peers_;
  PeerId next_id_ = 1;
  ServerCounters counters_;
};

}  // namespace mirrorlab::intercept
