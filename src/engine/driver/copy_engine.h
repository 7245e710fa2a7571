// mirror-copy's shell around the core: capture -> core -> inject, header records -> core, timers.
//
// S13: no packet leaves whose destination is not a mapped test endpoint, and no packet toward one
// is taken for a client's (the test host may be this very box).
// Threads: one, the event loop's.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/core/core.h"
#include "engine/driver/copy_parts.h"
#include "engine/driver/session_log.h"

namespace mirrorlab::engine {

struct CopyOptions {
  Config core;
  std::vector<wire::Endpoint> intercepts;
  os::CaptureOptions capture;  // its ports are those of the mappings
  uint32_t threads = 1;
  os::InjectWay inject = os::InjectWay::packet;
  std::string counters_file;
  std::string session_log;
  std::string key_file;
  os::Nanos drain = 1 * os::kNanosPerSecond;  // at the end, for what is still to be sent or acked
};

class CopyEngine : private Sink {
 public:
  static Made<CopyEngine> create(os::EventLoop& loop, const CopyOptions& options, CopyParts parts,
                                 const os::SharedKey* key);
  void start(os::Nanos now);
  // All is in place: a recorded capture begins to play.
  void begin() { source_->begin(); }
  // Nothing waits to be sent or acked, nor to be read from the capture.
  [[nodiscard]] bool drained() const { return core_->drained() && !source_->unread(); }
  // The recorded capture is played to its end.
  [[nodiscard]] bool capture_ended() const { return source_->ended(); }
  // Every intercept is connected.
  [[nodiscard]] bool link_up() const;
  [[nodiscard]] std::string link_failure() const;
  void stop_accepting() { core_->stop_accepting(); }
  // Ends every session and writes what is left.
  void stop(os::Nanos now);
  [[nodiscard]] tl::expected<void, std::string> flush_session_log();
  [[nodiscard]] nlohmann::json figures() const;
  [[nodiscard]] const Core& core() const { return *core_; }

 private:
  struct Link {
    std::unique_ptr<HeaderLink> link;
    os::Nanos down_since = 0;
    os::Nanos noticed = 0;     // when a change was last said
    std::vector<bool> serves;  // by test endpoint: it has brought records of it
  };
  static constexpr os::Nanos kLossesEvery = 100'000'000;
  // An intercept that stays away this long no longer holds up what the others serve.
  static constexpr os::Nanos kAbandoned = 30 * os::kNanosPerSecond;

  CopyEngine(os::EventLoop& loop, const CopyOptions& options, CopyParts parts);
  tl::expected<void, std::string> watch_capture();
  void take_packets(os::Nanos now);
  void look_for_losses(os::Nanos now);
  void on_link(size_t index, bool up, os::Nanos now);
  void say_link(size_t index, bool up, os::Nanos now);
  void settle_links(os::Nanos now);
  void take_captured(std::span<const wire::TcpPacket> packets, os::Nanos now);
  void take_records(size_t index, std::span<const wire::HeaderRecord> records, os::Nanos now);
  [[nodiscard]] bool may_serve(const Link& link, size_t test) const;
  void flush_links();
  void flush_sender(os::Nanos now);
  void say_what_is_late(os::Nanos now);
  void end_turn(os::Nanos now);
  [[nodiscard]] bool is_test_endpoint(const wire::Endpoint& endpoint) const;

  void transmit(const wire::TcpHeader& header, wire::Bytes payload) override;
  void claim(const wire::FlowKey& mirrored) override;
  void unclaim(const wire::FlowKey& mirrored) override;
  void on_session_end(const SessionReport& report) override { session_log_.write(report); }

  os::EventLoop& loop_;
  CopyOptions options_;
  CopyParts parts_;
  std::vector<wire::Endpoint> tests_;
  SessionLog session_log_;
  std::unique_ptr<os::PacketSource> source_;
  std::unique_ptr<os::PacketSender> sender_;
  std::unique_ptr<Core> core_;
  std::vector<Link> links_;
  HeaderLink* claim_only_ = nullptr;  // while all live connections are claimed at a new link
  os::EventLoop::TimerId core_timer_;
  os::EventLoop::TimerId sender_timer_;
  os::EventLoop::TimerId link_timer_;
  os::EventLoop::TimerId losses_timer_;
  int sender_fd_ = -1;  // waited for
  uint64_t refused_destination_ = 0;
  uint64_t own_injected_ = 0;
  os::Nanos losses_at_ = 0;  // when the capture's losses were last looked at
  uint64_t losses_ = 0;
  bool losing_ = false;  // what was captured before the latest loss has not all been read
};

}  // namespace mirrorlab::engine
