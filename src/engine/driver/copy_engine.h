// mirror-copy's shell around the core: capture -> core -> inject, header records -> core, timers.
//
// S13: the sink refuses any packet whose destination is not a mapped test endpoint.
#pragma once

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/core/core.h"
#include "engine/driver/header_client.h"
#include "os/event_loop.h"
#include "os/packet_capture.h"
#include "os/raw_sender.h"

namespace mirrorlab::engine {

struct CopyOptions {
  Config core;
  std::vector<wire::Endpoint> intercepts;
  std::string device;
  std::string counters_file;
  std::string session_log;
};

class CopyEngine : private Sink {
 public:
  static tl::expected<std::unique_ptr<CopyEngine>, std::string> create(os::EventLoop& loop,
                                                                       const CopyOptions& options,
                                                                       const os::SharedKey* key);
  ~CopyEngine() override;
  void start(int64_t now);
  [[nodiscard]] bool link_up() const;
  [[nodiscard]] std::string link_failure() const;
  // Ends every session and writes what is left.
  void stop(int64_t now);
  [[nodiscard]] tl::expected<void, std::string> write_counters();
  [[nodiscard]] const Core& core() const { return *core_; }

 private:
  explicit CopyEngine(const CopyOptions& options) : options_(options) {}
  void transmit(const wire::TcpHeader& header, wire::Bytes payload) override;
  void claim(const wire::FlowKey& mirrored) override;
  void unclaim(const wire::FlowKey& mirrored) override;
  void on_session_end(const SessionReport& report) override;
  void end_turn(int64_t now);

  CopyOptions options_;
  std::unique_ptr<Core> core_;
  os::EventLoop* loop_ = nullptr;
  std::unique_ptr<os::PacketCapture> capture_;
  std::unique_ptr<os::RawSender> sender_;
  std::vector<std::unique_ptr<HeaderClient>> clients_;
  os::EventLoop::TimerId timer_ = 0;
  std::FILE* session_log_ = nullptr;
  uint64_t refused_destination_ = 0;
};

}  // namespace mirrorlab::engine
