// The test host of pipeline_limit: a namespace, and a service in it that answers each request with
// kAnswer bytes, by a thread of its own (whose CPU is nobody's here, as nginx's is not).
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "os/fd.h"

namespace mirrorlab::bench {

class Service {
 public:
  static constexpr size_t kRequest = 49;  // bytes, as those of the pipeline bench
  static constexpr size_t kAnswer = 750;

  // Listens on `listener`; `keep_alive`: else it closes after the first answer.
  Service(os::Fd listener, bool keep_alive);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

 private:
  void serve();
  void accept_all();
  void answer(int connection);
  os::Fd listener_;
  os::Fd epoll_;
  bool keep_alive_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace mirrorlab::bench
