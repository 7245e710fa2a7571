// The least a link stage can be: frames from a TPACKET_V3 ring to sendmmsg, no look at them.
#pragma once

#include <atomic>
#include <thread>

#include "bench/wirebox/load.h"

namespace mirrorlab::bench {

class BareLoop {
 public:
  explicit BareLoop(const Bed& bed);
  ~BareLoop();
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;
  [[nodiscard]] double cpu() const { return thread_cpu(tid_); }

 private:
  void run(const Bed& bed);
  std::atomic<bool> over_{false};
  std::atomic<int> tid_{0};
  std::thread thread_;
};

}  // namespace mirrorlab::bench
