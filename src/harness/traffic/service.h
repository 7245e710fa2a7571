// The built-in service, one event loop for all its connections. It obeys the sizes that the
// built-in clients ask for, can be made slow, rude or different (ServiceOptions), and records what
// it saw.
//
// Limits: a connection that has a megabyte of answers waiting is not read from; one on which
// nothing has moved for ten minutes is closed.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "harness/traffic/options.h"
#include "harness/traffic/recording.h"
#include "harness/traffic/service_connection.h"
#include "harness/traffic/timer_queue.h"
#include "os/event_loop.h"

namespace mirrorlab::traffic {

class Service : public ServiceHost {
 public:
  static tl::expected<std::unique_ptr<Service>, std::string> create(os::EventLoop& loop,
                                                                    const ServiceOptions& options);
  // Records the connections that are still open and ends the recording.
  tl::expected<void, std::string> finish();
  [[nodiscard]] uint64_t connections() const { return accepted_; }

 private:
  Service(os::EventLoop& loop, const ServiceOptions& options) : loop_(loop), options_(options) {}
  void accept(os::Nanos now);
  void reap();
  void wake_at(uint32_t id, os::Nanos when) override;
  void on_closed(uint32_t id) override;
  void set_interest(int fd, uint32_t events) override { loop_.modify(fd, events); }

  os::EventLoop& loop_;
  const ServiceOptions options_;
  os::Fd listener_;
  Recording recording_;
  TimerQueue timers_;
  os::EventLoop::TimerId timer_ = 0;
  std::vector<std::unique_ptr<ServiceConnection>> connections_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> closed_;  // gone after this turn of the loop: they may be the caller
  uint64_t accepted_ = 0;
  bool accepting_ = true;
};

// `mirrorlab serve`: until SIGTERM or SIGINT. Prints "ready" once it listens. Exit code.
int run_service(const nlohmann::json& options);

}  // namespace mirrorlab::traffic
