// The built-in clients: many users on one event loop.
#pragma once

#include <memory>
#include <vector>

#include "harness/traffic/client.h"
#include "harness/traffic/progress_file.h"
#include "harness/traffic/timer_queue.h"

namespace mirrorlab::traffic {

class Load : public LoadHost {
 public:
  static tl::expected<std::unique_ptr<Load>, std::string> create(const ClientOptions& options);
  // Until every user is done, or `stop` signals. Fails only when epoll does.
  tl::expected<void, std::string> run();
  [[nodiscard]] nlohmann::json report() const;

 private:
  explicit Load(const ClientOptions& options) : options_(options) {}
  void fill_slots(os::Nanos now);
  void tell_progress() { progress_.publish({stats_.sessions, stats_.requests, stats_.errors}); }
  os::EventLoop& loop() override { return *loop_; }
  LoadStats& stats() override { return stats_; }
  void wake_at(uint32_t slot, os::Nanos when) override { timers_.arm(slot, when); }
  void on_user_done(uint32_t slot) override { done_.push_back(slot); }
  tl::expected<os::Fd, std::string> open_socket(uint64_t client) override;
  uint16_t next_port(uint64_t client, uint64_t user) override;
  [[nodiscard]] os::Nanos begins_after(uint64_t user) const;

  const ClientOptions options_;
  std::vector<os::Fd> spaces_;  // by client address; empty: all are here
  std::unique_ptr<os::EventLoop> loop_;
  os::EventLoop::TimerId timer_ = 0;
  TimerQueue timers_;
  LoadStats stats_;
  ProgressFile progress_;
  std::vector<std::unique_ptr<Client>> slots_;
  std::vector<uint32_t> done_;
  std::vector<uint32_t> ports_;  // per client address: how many have been given out
  uint64_t next_user_ = 0;
  uint64_t live_ = 0;
  os::Nanos began_ = 0;
  os::Nanos ended_ = 0;
  bool interrupted_ = false;
};

// `mirrorlab load`: prints one JSON line with what was done. 0 when the run came to its end,
// whatever single connections met; their errors are in the line.
int run_load(const nlohmann::json& options);

}  // namespace mirrorlab::traffic
