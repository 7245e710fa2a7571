// Watches a device of a network namespace, both directions, into a pcap file.
//
// TPACKET_V3 ring, own thread; stamps are CLOCK_MONOTONIC nanoseconds, so that all taps and
// records of a run share one clock. The file is LINUX_SLL (link type 113): its packet type says
// which packets the host itself sent. Begins to record before start() returns.
// Threads: start() in a thread of the namespace to be watched; stop() from any one thread.
// Limits: a ring of 64 MiB (or Options::ring_bytes); what does not fit is counted as dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>

namespace mirrorlab::verify {

struct TapOptions {
  std::string device;       // of the calling thread's namespace
  std::string path;         // pcap file to write
  uint32_t snap_bytes = 0;  // cut packets to this; 0: whole. Taps for streams need whole packets
  uint32_t ring_bytes = 64 << 20;
};

struct TapTotals {
  uint64_t packets = 0;
  uint64_t bytes = 0;         // as on the wire, not as cut
  uint64_t kernel_drops = 0;  // packets the ring had no room for
  std::string failure;        // the file could not be written; empty: all is well
};

class Tap {
 public:
  static tl::expected<std::unique_ptr<Tap>, std::string> start(const TapOptions& options);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // Drains what has arrived, ends the thread, closes the file. Again: the same totals.
  TapTotals stop();
  [[nodiscard]] const std::string& path() const;

 private:
  struct State;
  explicit Tap(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mirrorlab::verify
