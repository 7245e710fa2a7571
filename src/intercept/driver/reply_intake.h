// Brings the replies of all sources to the header server: one source in the loop's own thread,
// several by a thread each.
//
// Where replies come in crowds they are gathered: after a crowd the source is looked at again in
// kGather, not at its next reply. A wake-up for each costs this host and, through the header
// return, the online host more than all else that is done for a reply; a reply that comes alone
// waits for nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "intercept/driver/header_server.h"
#include "intercept/driver/interception.h"
#include "intercept/driver/reply_worker.h"

namespace mirrorlab::intercept {

class ReplyIntake {
 public:
  ReplyIntake(os::EventLoop& loop, Interception::Sources sources, HeaderServer& server);
  ~ReplyIntake();
  ReplyIntake(const ReplyIntake&) = delete;
  ReplyIntake& operator=(const ReplyIntake&) = delete;

  tl::expected<void, std::string> start();
  [[nodiscard]] ReplyWorker::Figures figures();
  // What went wrong with a source (the loop is stopped then); empty when nothing did.
  [[nodiscard]] const std::string& broken() const { return broken_; }

 private:
  static constexpr os::Nanos kGather = 150'000;
  // Replies in one read. Fewer are read as they come: a burst that is over costs a look in vain.
  static constexpr size_t kCrowd = 4;
  void read(os::Nanos now);
  void gather(bool crowd);
  void fail(const std::string& why);
  os::EventLoop& loop_;
  HeaderServer& server_;
  std::unique_ptr<ReplySource> only_;  // null: there are workers
  std::vector<std::unique_ptr<ReplyWorker>> workers_;
  os::EventLoop::TimerId again_;
  bool gathering_ = false;  // the source's descriptor is not watched
  ParseCounters parse_;
  std::string broken_;
};

}  // namespace mirrorlab::intercept
