// Watches a device of the current network namespace, or all of them, from its own thread, both
// directions, by a packet ring that is emptied by the block, so that watching costs the run little.
// Keeps IPv4 and IPv6 only, and of most packets the headers.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "harness/verify/packet_log.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/packet_ring.h"

namespace mirrorlab::verify {

class Tap {
 public:
  static constexpr uint32_t kHeaders = 160;  // IPv6, TCP, all options, and a little

  // Opens in the caller's namespace; throws std::runtime_error. An empty device: all but loopback.
  // What comes in to one of `whole_ports` is kept whole.
  explicit Tap(const std::string& device, const std::vector<uint16_t>& whole_ports = {});
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // Asks for the end of the watch; stop() waits for it.
  void end();
  // Ends the watch and gives what was seen. Once.
  PacketLog stop();
  // Packets that did not fit into the ring.
  [[nodiscard]] uint64_t drops() const { return drops_; }
  // CPU time of the thread, once stopped.
  [[nodiscard]] os::Nanos cpu() const { return cpu_; }
  // Packets so far; any thread may ask.
  [[nodiscard]] uint64_t seen() const { return seen_.load(std::memory_order_relaxed); }

 private:
  void run();
  void take_all();
  os::PacketRing ring_;
  os::Fd stop_;
  PacketLog log_;
  std::atomic<uint64_t> seen_{0};
  uint64_t drops_ = 0;
  os::Nanos cpu_ = 0;
  std::thread thread_;
};

// Writes raw-IP pcap with nanosecond stamps, at most `max_bytes` of it; false when that cut it.
bool write_pcap(const std::string& path, const PacketLog& log, uint64_t max_bytes = 256U << 20U);

}  // namespace mirrorlab::verify
