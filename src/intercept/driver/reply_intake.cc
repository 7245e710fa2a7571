#include "intercept/driver/reply_intake.h"

#include <algorithm>

#include "intercept/core/reply_header.h"

namespace mirrorlab::intercept {

ReplyIntake::ReplyIntake(os::EventLoop& loop, Interception::Sources sources, HeaderServer& server)
    : loop_(loop), server_(server), again_(loop.add_timer([this](os::Nanos now) { read(now); })) {
  if (sources.size() == 1) {
    only_ = std::move(sources.front());
    return;
  }
  for (auto& source : sources) {
    workers_.push_back(std::make_unique<ReplyWorker>(
        loop_, std::move(source),
        [this](const wire::HeaderRecord& record, os::Nanos now) { server_.on_reply(record, now); },
        [this](const std::string& why) { fail(why); }));
  }
}

ReplyIntake::~ReplyIntake() {
  if (only_) loop_.remove(only_->fd());
  loop_.remove_timer(again_);
}

tl::expected<void, std::string> ReplyIntake::start() {
  for (const auto& worker : workers_) {
    if (auto started = worker->start(); !started) return started;
  }
  if (!only_) return {};
  loop_.set_timer(again_, loop_.now());
  return loop_.add(only_->fd(), EPOLLIN, [this](uint32_t, os::Nanos now) { on_readable(now); });
}

void ReplyIntake::fail(const std::string& why) {
  broken_ = why;
  loop_.stop();
}

void ReplyIntake::read(os::Nanos now) {
  size_t replies = 0;
  const auto done = only_->read([&](wire::Bytes bytes, size_t wire_bytes) {
    ++replies;
    const auto record = read_reply(bytes, wire_bytes);
    if (record) return server_.on_reply(*record, now);
    parse_.count(record.error());
  });
  if (!done) return fail(done.error());
  os::Nanos wait = only_->read_again_after();
  if (!only_->gathers()) wait = std::min(wait, pace_.on_read(replies, now, connections()));
  look_again(wait, now);
}

void ReplyIntake::on_readable(os::Nanos now) {
  const os::Nanos wait = only_->gathers() ? 0 : pace_.on_readable(now, connections());
  if (wait == 0) return read(now);
  look_again(wait, now);
}

void ReplyIntake::look_again(os::Nanos wait, os::Nanos now) {
  // What came meanwhile is not told by the descriptor.
  if (wait == os::kNever && !only_->listen()) wait = 0;
  const bool watch = wait == os::kNever;
  loop_.set_timer(again_, watch ? os::kNever : now + wait);
  if (watch == watching_) return;
  watching_ = watch;
  loop_.modify(only_->fd(), watch ? static_cast<uint32_t>(EPOLLIN) : 0U);
}

ReplyWorker::Figures ReplyIntake::figures() {
  if (only_) return {only_->counters(), parse_};
  ReplyWorker::Figures sum;
  for (const auto& worker : workers_) {
    const auto one = worker->figures();
    sum.replies += one.replies;
    sum.parse += one.parse;
  }
  return sum;
}

}  // namespace mirrorlab::intercept
