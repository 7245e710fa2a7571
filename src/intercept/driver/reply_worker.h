// A thread that reads one of several reply sources: parses, drops, and hands the records on.
//
// The loop's thread owns the worker; of the two threads' common things are only a RecordRing, a
// wake-up and the published counters. A record that the ring cannot hold is counted and lost: the
// test host sends it again.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "intercept/driver/figures.h"
#include "intercept/driver/record_ring.h"
#include "intercept/driver/reply_source.h"
#include "os/event_loop.h"

namespace mirrorlab::intercept {

class ReplyWorker {
 public:
  using TakeRecord = std::function<void(const wire::HeaderRecord&, os::Nanos now)>;
  using Broken = std::function<void(const std::string&)>;
  ReplyWorker(os::EventLoop& loop, std::unique_ptr<ReplySource> source, TakeRecord take,
              Broken broken);
  ~ReplyWorker();
  ReplyWorker(const ReplyWorker&) = delete;
  ReplyWorker& operator=(const ReplyWorker&) = delete;

  tl::expected<void, std::string> start();
  struct Figures {
    ReplyCounters replies;
    ParseCounters parse;
  };
  [[nodiscard]] Figures figures() const;

 private:
  static constexpr size_t kRing = 16384;
  void run();
  bool turn();
  void take_reply(wire::Bytes bytes, size_t wire_bytes);
  void wake_loop();
  void on_wake(os::Nanos now);

  os::EventLoop& loop_;
  std::unique_ptr<ReplySource> source_;
  TakeRecord take_;
  Broken broken_;
  RecordRing ring_{kRing};
  os::Fd wake_;  // this thread -> the loop's
  os::Fd stop_;  // the loop's -> this thread
  std::atomic<bool> woken_{false};
  ParseCounters parse_;  // this thread's
  mutable std::mutex mutex_;
  Figures published_;    // guarded by mutex_
  std::string failure_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace mirrorlab::intercept
