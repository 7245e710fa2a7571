// Frames thrown at one end of a link as fast as a core can, by a packet socket: nothing but the
// link is measured. They are addressed to no host, so the far end drops them at once.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "harness/net/namespace.h"
#include "os/fd.h"

namespace mirrorlab::bench {

// near -- (na) middle (nb) -- far, each a namespace; the middle is for who carries frames across.
class Bed {
 public:
  explicit Bed(bool offloads);
  [[nodiscard]] const net::Namespace& near() const { return near_; }
  [[nodiscard]] const net::Namespace& middle() const { return middle_; }
  [[nodiscard]] const net::Namespace& far() const { return far_; }
  // Frames and bytes that came out at the far end.
  struct Carried {
    uint64_t frames = 0;
    uint64_t bytes = 0;
  };
  [[nodiscard]] Carried carried() const;

 private:
  net::Namespace near_, middle_, far_;
  bool offloads_;
};

struct Traffic {
  const char* name;
  size_t frame_bytes;    // Ethernet header included
  uint16_t segment = 0;  // payload of the segments of a TCP super-packet; 0: a datagram
  uint32_t flows = 64;
};

// Sends in a thread of its own until it goes out of scope.
class Load {
 public:
  Load(const Bed& bed, const Traffic& traffic);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  [[nodiscard]] uint64_t offered() const { return offered_; }

 private:
  void run(const Traffic& traffic);
  os::Fd fd_;
  std::atomic<bool> over_{false};
  std::atomic<uint64_t> offered_{0};
  std::thread thread_;
};

// What a thread that carries frames did in a while.
struct Rate {
  double seconds = 0, offered = 0, frames = 0, bytes = 0, cpu_s = 0;
  [[nodiscard]] double kpps() const { return frames / seconds / 1e3; }
  [[nodiscard]] double gbits() const { return bytes * 8 / seconds / 1e9; }
  [[nodiscard]] double cpu_ns() const { return cpu_s * 1e9 / frames; }
};
// `cpu` gives the CPU seconds used so far by those who carry.
[[nodiscard]] Rate measure(const Bed& bed, const Traffic& traffic, double seconds,
                           const std::function<double()>& cpu);
// CPU seconds of a thread of this process that runs.
[[nodiscard]] double thread_cpu(int tid);

}  // namespace mirrorlab::bench
