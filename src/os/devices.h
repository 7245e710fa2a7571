// The network devices of this network namespace, and word of changes.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "os/fd.h"

namespace mirrorlab::os {

struct Device {
  std::string name;
  int index = 0;
  bool loopback = false;
  bool ethernet = false;  // its packets carry an Ethernet header
};

[[nodiscard]] std::vector<Device> devices();
// Fails with the first of `names` that is none of them.
[[nodiscard]] tl::expected<void, std::string> require_devices(
    const std::vector<std::string>& names);

// Readable whenever a device comes, goes or changes, a traffic-control filter does, or a switch
// like forwarding. Threads: one.
class DeviceWatch {
 public:
  static tl::expected<DeviceWatch, std::string> open();
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Takes what was said; look for yourself afterwards.
  void drain();

 private:
  Fd fd_;
};

}  // namespace mirrorlab::os
