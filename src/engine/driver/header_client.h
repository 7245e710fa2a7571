// The copy engine's end of the header return: one intercept, connected again whenever it breaks.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "os/event_loop.h"
#include "os/header_channel.h"

namespace mirrorlab::engine {

struct HeaderClientCounters {
  uint64_t connects = 0;
  uint64_t breaks = 0;
  uint64_t records = 0;
  uint64_t claims_refused = 0;  // output queue full
};

class HeaderClient {
 public:
  using TakeRecord = std::function<void(const wire::HeaderRecord&, int64_t now)>;
  using TakeLink = std::function<void(bool up, int64_t now)>;

  HeaderClient(os::EventLoop& loop, wire::Endpoint intercept, const os::SharedKey* key,
               TakeRecord take_record, TakeLink take_link);
  void start() { connect(); }
  void claim(const wire::FlowKey& flow, bool mine);
  // End of an event-loop turn.
  void flush();
  [[nodiscard]] bool up() const { return up_; }
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }
  [[nodiscard]] const HeaderClientCounters& counters() const { return counters_; }

 private:
  static constexpr int64_t kFirstRetry = 20'000'000;
  static constexpr int64_t kMaxRetry = 1'000'000'000;
  void connect();
  void on_event(uint32_t events, int64_t now);
  void take_frame(const wire::Frame& frame, int64_t now);
  void close_batch();
  void broken(const std::string& why);

  os::EventLoop& loop_;
  wire::Endpoint intercept_;
  const os::SharedKey* key_;
  TakeRecord take_record_;
  TakeLink take_link_;
  std::unique_ptr<os::HeaderChannel> channel_;
  os::EventLoop::TimerId retry_timer_;
  int64_t retry_ = kFirstRetry;
  bool connecting_ = false;
  bool up_ = false;
  bool watching_write_ = true;
  wire::FrameType batch_type_ = wire::FrameType::claim;
  size_t batch_begin_ = 0;
  size_t batch_count_ = 0;
  std::string last_failure_;
  HeaderClientCounters counters_;
};

}  // namespace mirrorlab::engine
