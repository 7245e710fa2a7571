// A network namespace held by a file descriptor: when the descriptor is gone, so is the namespace.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "os/fd.h"

namespace mirrorlab::net {

class Namespace {
 public:
  // Throws std::runtime_error with errno and the mend.
  static Namespace create();
  // So many at once, on a few threads. `inside(i)` runs in the i-th as soon as it is there, beside
  // others; the first thing thrown is thrown here.
  static std::vector<Namespace> create_all(size_t count, const std::function<void(size_t)>& inside);
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Runs `work` on a thread of its own inside the namespace; what it throws is thrown here. Sockets
  // it opens stay in the namespace.
  void run(const std::function<void()>& work) const;

 private:
  os::Fd fd_;
};

}  // namespace mirrorlab::net
