// Watches a device of the current network namespace from its own thread, both directions.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "harness/verify/streams.h"
#include "os/fd.h"
#include "os/packet_ring.h"

namespace mirrorlab::verify {

class Tap {
 public:
  // Opens in the caller's namespace; throws std::runtime_error.
  explicit Tap(const std::string& device);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // Ends the watch and gives what was seen. Once.
  std::vector<TapPacket> stop();
  [[nodiscard]] uint64_t drops() const { return drops_; }
  // Packets so far; any thread may ask.
  [[nodiscard]] uint64_t seen() const { return seen_.load(std::memory_order_relaxed); }

 private:
  void run();
  void take_all();
  os::PacketRing ring_;
  int64_t clock_offset_ns_;  // from the kernel's stamps to CLOCK_MONOTONIC
  os::Fd stop_;
  std::vector<TapPacket> packets_;
  std::atomic<uint64_t> seen_{0};
  uint64_t drops_ = 0;
  std::thread thread_;
};

// Writes raw-IP pcap with nanosecond stamps.
void write_pcap(const std::string& path, const std::vector<TapPacket>& packets);

}  // namespace mirrorlab::verify
