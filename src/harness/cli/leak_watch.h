// Counts, while a run lasts, the replies of test services that reach a host: a packet socket whose
// kernel filter lets nothing else through, so that it costs nothing until something leaks.
#pragma once

#include <cstdint>
#include <vector>

#include "os/fd.h"
#include "wire/flow.h"

namespace mirrorlab::cli {

class LeakWatch {
 public:
  // In the current network namespace. `services`: whose replies are leaks. Throws
  // std::runtime_error.
  explicit LeakWatch(const std::vector<wire::Endpoint>& services);
  // So far.
  [[nodiscard]] uint64_t count();

 private:
  os::Fd fd_;
  uint64_t count_ = 0;
};

}  // namespace mirrorlab::cli
