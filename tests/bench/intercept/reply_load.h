// Replies for a bench: a near host that sends TCP packets as a service would, a far one beyond it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include "harness/net/namespace.h"
#include "os/fd.h"

namespace mirrorlab::bench {

// near (10.2.0.2, the test host) -- far (10.2.0.1); the way to clients, 10.1.0.0/16, is by far.
class ReplyBed {
 public:
  ReplyBed();
  [[nodiscard]] const net::Namespace& near() const { return near_; }
  [[nodiscard]] const net::Namespace& far() const { return far_; }

 private:
  net::Namespace near_;
  net::Namespace far_;
};

// Sends `count` replies of port 8080 from the near host by a thread of its own, never more than
// kWindow ahead of what was handled.
class ReplyLoad {
 public:
  ReplyLoad(const ReplyBed& bed, uint64_t count);
  ~ReplyLoad() { thread_.join(); }
  ReplyLoad(const ReplyLoad&) = delete;
  ReplyLoad& operator=(const ReplyLoad&) = delete;
  void handled(uint64_t count) { handled_.store(count, std::memory_order_release); }
  // All is sent, or the reader no longer keeps up.
  [[nodiscard]] bool done() const { return done_.load(std::memory_order_acquire); }

 private:
  static constexpr uint64_t kWindow = 8192;
  void send_all();
  os::Fd socket_;
  uint64_t count_;
  std::atomic<uint64_t> handled_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace mirrorlab::bench
