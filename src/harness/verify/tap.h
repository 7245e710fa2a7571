// Watches devices of the current network namespace from its own thread, both directions, by a
// packet ring that is emptied by the block, so that watching costs the run little. Keeps IPv4 and
// IPv6 only.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "harness/verify/packet_log.h"
#include "os/fd.h"
#include "os/packet_ring.h"

namespace mirrorlab::verify {

class Tap {
 public:
  static constexpr uint32_t kWhole = UINT32_MAX;
  static constexpr uint32_t kHeaders = 160;  // IPv6, TCP, all options, and a little

  // Opens in the caller's namespace; throws std::runtime_error. An empty device: all of them.
  explicit Tap(const std::string& device, uint32_t keep = kWhole);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // Ends the watch and gives what was seen. Once.
  PacketLog stop();
  // Packets that did not fit into the ring.
  [[nodiscard]] uint64_t drops() const { return drops_; }
  // Packets so far; any thread may ask.
  [[nodiscard]] uint64_t seen() const { return seen_.load(std::memory_order_relaxed); }

 private:
  void run();
  void take_all();
  os::PacketRing ring_;
  const uint32_t keep_;
  os::Fd stop_;
  PacketLog log_;
  std::atomic<uint64_t> seen_{0};
  uint64_t drops_ = 0;
  std::thread thread_;
};

// Writes raw-IP pcap with nanosecond stamps, at most `max_bytes` of it; false when that cut it.
bool write_pcap(const std::string& path, const PacketLog& log, uint64_t max_bytes = 256U << 20U);

}  // namespace mirrorlab::verify
