// Brings the replies of all sources to the header server: one source in the loop's own thread,
// several by a thread each.
//
// Where replies are frequent they are gathered (GatherPace), but for sources that gather
// themselves.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "intercept/driver/gather_pace.h"
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
  void on_readable(os::Nanos now);
  void read(os::Nanos now);
  // Looks at the source again after `wait`; kNever: when it has something to read.
  void look_again(os::Nanos wait, os::Nanos now);
  [[nodiscard]] size_t connections() const { return server_.claims().sessions(); }
  void fail(const std::string& why);
  os::EventLoop& loop_;
  HeaderServer& server_;
  std::unique_ptr<ReplySource> only_;  // null: there are workers
  std::vector<std::unique_ptr<ReplyWorker>> workers_;
  os::EventLoop::TimerId again_;
  GatherPace pace_;
  bool watching_ = true;  // the source's descriptor
  ParseCounters parse_;
  std::string broken_;
};

}  // namespace mirrorlab::intercept
