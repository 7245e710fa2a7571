// Stops all links of a laboratory: while it is shut nothing is forwarded and what arrives waits.
// For breakpoints: hold, look, let one packet go at a time, resume.
//
// The links' time is the steady clock less all the time the gate was shut. While it is shut that
// time stands still; a step sets it forward to the packet that leaves next, so the packets leave in
// the order they would have left in. Hosts know nothing of it: their own timers run on.
// What waits is bounded by the memory of each link (FramePool); more is dropped as pool_full.
//
// Threads: any may call anything. A watch runs on the threads of the links and must not call the
// gate. Locks are taken in this order: links, a link's own, time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/wirebox/fate.h"
#include "harness/wirebox/packet_text.h"
#include "os/clock.h"
#include "wire/bytes.h"

namespace mirrorlab::wirebox {

class Link;

// A packet at the moment it comes to a link.
struct Arrival {
  std::string_view link;
  Direction direction;
  wire::Bytes frame;  // Ethernet; with offloads a super-packet is one
};

// A packet that was let go.
struct Passage {
  std::string link;
  Direction direction = Direction::a_to_b;
  os::Nanos at = 0;  // the links' time
  std::string text;  // packet_text()
};

class Gate {
 public:
  struct Time {
    os::Nanos now = 0;
    os::Nanos behind = 0;  // the steady clock, less this, is `now`; of an open gate
    bool shut = false;
  };
  // True shuts the gate before this packet goes on.
  using Watch = std::function<bool(const Arrival&)>;

  void hold();
  void resume();
  // Lets the next packet go; nothing when the gate is open or no packet waits.
  std::optional<Passage> step();
  [[nodiscard]] bool shut() const { return shut_.load(std::memory_order_acquire); }
  // True when the gate is shut before `timeout` is over.
  [[nodiscard]] bool wait_shut(os::Nanos timeout);
  // While it is shut: true when a packet came to a link after `seen` had come, which is then the
  // number of those that have; false when none came before `timeout` was over. From 0 on.
  [[nodiscard]] bool wait_arrival(uint64_t& seen, os::Nanos timeout);
  // Packets that wait in all links; in an open gate, those under way.
  [[nodiscard]] uint64_t waiting();
  // Asked about every packet that comes to a link, also while the gate is shut; empty: none is
  // asked.
  void watch(Watch watch);

  // For links.
  [[nodiscard]] Time time() const;
  [[nodiscard]] bool watched() const { return watched_.load(std::memory_order_acquire); }
  [[nodiscard]] bool stops(const Arrival& arrival);
  void enter(Link& link);
  void leave(Link& link);

 private:
  [[nodiscard]] Time time_locked() const;

  std::mutex links_mutex_;
  std::vector<Link*> links_;
  mutable std::mutex time_mutex_;
  std::condition_variable changed_;
  os::Nanos stood_still_ = 0;  // time the gate was shut, up to the last resume
  os::Nanos stands_at_ = 0;    // while it is shut
  uint64_t arrivals_ = 0;      // seen by the watch or while it was shut
  std::shared_ptr<const Watch> watch_;
  std::atomic<bool> shut_{false};
  std::atomic<bool> watched_{false};
};

}  // namespace mirrorlab::wirebox
