// An impaired link: a thread that moves frames between two devices, each direction through its
// impairments.
//
// Threads: the link's own thread moves frames; all functions may be called from any.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "harness/wirebox/gate.h"
#include "harness/wirebox/one_way.h"
#include "harness/wirebox/packet_port.h"

namespace mirrorlab::wirebox {

// What the kernel did for one direction of a link. With Counters it balances, once nothing is in
// the ring any more: arrived = in + ring_drops + truncated, and out = sent + send_errors.
struct KernelCounters {
  uint64_t arrived = 0;     // frames that came to the link's socket
  uint64_t ring_drops = 0;  // of them, no room in its ring: the box was too slow
  uint64_t truncated = 0;   // of them, larger than a slot of its ring
  uint64_t sent = 0;        // frames the far device took
  uint64_t send_errors = 0;
};

// What a link did, by Direction where there are two.
struct Figures {
  std::string name;
  std::array<Counters, 2> counters;
  std::array<KernelCounters, 2> kernel;
  std::array<uint64_t, 2> waiting{};  // frames under way
  std::vector<Fault> faults;          // in their order, one direction after the other
  std::vector<Drop> drops;            // of them, the packets that died
  size_t planned = 0;                 // packets that a replayed plan has faults for
  uint64_t flows_forgotten = 0;

  // Frames the box lost, not the impairments.
  [[nodiscard]] uint64_t kernel_drops() const {
    return kernel[0].ring_drops + kernel[1].ring_drops;
  }
  [[nodiscard]] uint64_t send_errors() const {
    return kernel[0].send_errors + kernel[1].send_errors;
  }
  [[nodiscard]] uint64_t truncated() const { return kernel[0].truncated + kernel[1].truncated; }
};

class Link {
 public:
  // The ports are open on the two devices. `name` takes part in every packet's fate. `gate` may be
  // null, else it outlives the link.
  Link(std::string name, uint64_t seed, std::unique_ptr<PacketPort> a,
       std::unique_ptr<PacketPort> b, const Settings& a_to_b, const Settings& b_to_a,
       Gate* gate = nullptr);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // For frames that come in from now on; those under way keep their time.
  void change(const Settings& a_to_b, const Settings& b_to_a);
  // Applies `faults` in place of chance, from now on (OneWay::replay). Once, before any traffic.
  void replay(std::span<const Fault> faults);
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Figures figures();
  // CPU time the link's thread has used.
  [[nodiscard]] double cpu_seconds();
  // Frames that still wait are dropped uncounted; figures() goes on working.
  void stop();

  // For the gate, while it is shut.
  void wake();
  void read_arrivals();
  [[nodiscard]] os::Nanos next_due();
  [[nodiscard]] uint64_t waiting();
  std::optional<Passage> let_one_go(os::Nanos now);

 private:
  void run();
  bool move(size_t direction, Gate::Time& time);
  [[nodiscard]] Gate::Time time();
  // When to look again; `now` on the steady clock.
  struct Sleep {
    os::Nanos until = os::kNever;
    bool whatever_comes = false;  // arrivals do not end it
  };
  [[nodiscard]] Sleep next_sleep(const Gate::Time& time, bool moved, os::Nanos now);
  void wait(const Sleep& sleep);
  [[nodiscard]] bool may_be_read_late() const;

  std::string name_;
  std::array<std::unique_ptr<PacketPort>, 2> ports_;
  FramePool pool_;
  FlowTable flows_;
  std::array<std::unique_ptr<FaultPlan>, 2> plans_;
  std::array<std::unique_ptr<OneWay>, 2> ways_;
  Gate* gate_;
  std::mutex mutex_;
  os::Fd wake_;
  bool stopping_ = false;
  std::array<os::Nanos, 2> last_arrival_{};
  os::Nanos woken_at_ = 0, last_moved_ = 0;  // of the link's own thread
  std::thread thread_;
};

}  // namespace mirrorlab::wirebox
