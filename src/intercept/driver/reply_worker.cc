#include "intercept/driver/reply_worker.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "intercept/core/reply_header.h"
#include "os/error.h"

namespace mirrorlab::intercept {

namespace {
void signal_event(int fd) {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the other side is being woken already.
  static_cast<void>(::write(fd, &one, sizeof one));
}

int poll_timeout(os::Nanos nanos) {
  return nanos == os::kNever
             ? -1
             : static_cast<int>((nanos + os::kNanosPerMilli - 1) / os::kNanosPerMilli);
}
}  // namespace

ReplyWorker::ReplyWorker(os::EventLoop& loop, std::unique_ptr<ReplySource> source, TakeRecord take,
                         Broken broken)
    : loop_(loop),
      source_(std::move(source)),
      take_(std::move(take)),
      broken_(std::move(broken)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      stop_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

ReplyWorker::~ReplyWorker() {
  if (thread_.joinable()) {
    signal_event(stop_.get());
    thread_.join();
  }
  loop_.remove(wake_.get());
}

tl::expected<void, std::string> ReplyWorker::start() {
  if (!wake_ || !stop_) return os::failure("cannot make an eventfd");
  auto watched = loop_.add(wake_.get(), EPOLLIN, [this](uint32_t, os::Nanos now) { on_wake(now); });
  if (!watched) return watched;
  thread_ = std::thread([this] { run(); });
  return {};
}

void ReplyWorker::run() {
  while (turn()) {
    if (!source_->listen()) continue;
    std::array<pollfd, 2> ready = {pollfd{source_->fd(), POLLIN, 0},
                                   pollfd{stop_.get(), POLLIN, 0}};
    ::poll(ready.data(), ready.size(), poll_timeout(source_->read_again_after()));
    if (ready[1].revents != 0) return;
  }
}

bool ReplyWorker::turn() {
  const auto done = source_->read(
      [this](wire::Bytes bytes, size_t wire_bytes) { take_reply(bytes, wire_bytes); });
  {
    const std::lock_guard lock(mutex_);
    published_ = {source_->counters(), parse_};
    if (!done) failure_ = done.error();
  }
  wake_loop();
  return done.has_value();
}

void ReplyWorker::take_reply(wire::Bytes bytes, size_t wire_bytes) {
  const auto record = read_reply(bytes, wire_bytes);
  if (!record) return parse_.count(record.error());
  if (!ring_.push(*record)) ++parse_.handover_overflow;
}

void ReplyWorker::wake_loop() {
  if (!woken_.exchange(true)) signal_event(wake_.get());
}

void ReplyWorker::on_wake(os::Nanos now) {
  uint64_t count = 0;
  static_cast<void>(::read(wake_.get(), &count, sizeof count));
  // Before the ring is read: what is pushed from here on wakes again.
  woken_.store(false);
  ring_.drain([&](const wire::HeaderRecord& record) { take_(record, now); });
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) broken_(failure_);
}

ReplyWorker::Figures ReplyWorker::figures() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace mirrorlab::intercept
