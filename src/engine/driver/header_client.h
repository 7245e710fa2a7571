// HeaderLink over TCP: connected again, with back-off, whenever it breaks.
#pragma once

#include <array>
#include <memory>

#include "engine/driver/header_echo.h"
#include "engine/driver/header_link.h"
#include "os/event_loop.h"
#include "os/header_channel.h"

namespace mirrorlab::engine {

class HeaderClient : public HeaderLink {
 public:
  HeaderClient(os::EventLoop& loop, wire::Endpoint intercept, const os::SharedKey* key,
               TakeRecords take_records, TakeLink take_link);
  ~HeaderClient() override;
  void start(os::Nanos now) override { connect(now); }
  void claim(const wire::FlowKey& flow, bool mine) override;
  void flush(os::Nanos now) override;
  [[nodiscard]] bool up() const override { return up_; }
  [[nodiscard]] bool behind(os::Nanos now) const override { return up_ && echo_.behind(now); }
  void note_waiting(bool waiting) override { silence_matters_ = waiting; }
  [[nodiscard]] const std::string& last_failure() const override { return last_failure_; }
  [[nodiscard]] const HeaderLinkCounters& counters() const override { return counters_; }

 private:
  static constexpr size_t kAtOnce = 64;  // records handed over together, to be fetched ahead
  static constexpr os::Nanos kFirstRetry = 20'000'000;
  static constexpr os::Nanos kMaxRetry = 1'000'000'000;
  void connect(os::Nanos now);
  void on_event(uint32_t events, os::Nanos now);
  void on_tick(os::Nanos now);
  void ask_echo(os::Nanos now);
  void take_frame(const wire::Frame& frame, os::Nanos now);
  void hand_over(os::Nanos now);
  void broken(os::CloseReason reason, const std::string& why, os::Nanos now);

  os::EventLoop& loop_;
  wire::Endpoint intercept_;
  const os::SharedKey* key_;
  TakeRecords take_records_;
  TakeLink take_link_;
  std::unique_ptr<os::HeaderChannel> channel_;
  os::EventLoop::TimerId retry_timer_;
  os::EventLoop::TimerId tick_timer_;
  os::EventLoop::TimerId echo_timer_;
  HeaderEcho echo_;
  bool silence_matters_ = true;
  os::Nanos retry_ = kFirstRetry;
  std::array<wire::HeaderRecord, kAtOnce> records_;
  size_t waiting_ = 0;  // of records_
  bool connecting_ = false;
  bool up_ = false;
  bool reading_ = false;
  bool watching_write_ = true;
  std::string last_failure_;
  HeaderLinkCounters counters_;
};

}  // namespace mirrorlab::engine
