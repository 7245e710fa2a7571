// A copy engine on a thread of its own: with its own loop, capture, senders, header links and
// share of the clients. Nothing is shared with the others on the packet path.
//
// call() is how the rest of the program reaches it; it crosses threads by a queue and an eventfd.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/driver/copy_engine.h"
#include "os/event_loop.h"
#include "os/fd.h"

namespace mirrorlab::engine {

class CopyThread {
 public:
  // `wake` is called on the thread when the capture has ended or the loop has failed.
  static Made<CopyThread> create(const CopyOptions& options, CopyParts parts,
                                 const os::SharedKey* key, std::function<void()> wake);
  // Ends and joins.
  ~CopyThread();
  void run();
  // Runs `work` between two turns of the thread, and waits until it is done.
  void call(const std::function<void(CopyEngine&, os::Nanos now)>& work);
  // What ended the loop before its time; read by call() or after the end only.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  struct Call;
  CopyThread() = default;
  void work_off(os::Nanos now);
  void loop();

  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<CopyEngine> engine_;
  std::function<void()> wake_;
  os::Fd posted_;
  std::mutex mutex_;
  std::vector<Call*> calls_;  // guarded
  bool ending_ = false;       // this thread's
  bool told_ = false;         // this thread's
  std::string failure_;
  std::thread thread_;
};

}  // namespace mirrorlab::engine
