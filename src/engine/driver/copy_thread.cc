#include "engine/driver/copy_thread.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <future>
#include <utility>

#include "os/error.h"

namespace mirrorlab::engine {

struct CopyThread::Call {
  const std::function<void(CopyEngine&, os::Nanos)>& work;
  std::promise<void> done;
};

Made<CopyThread> CopyThread::create(const CopyOptions& options, CopyParts parts,
                                    const os::SharedKey* key, std::function<void()> wake) {
  std::unique_ptr<CopyThread> t(new CopyThread);
  t->wake_ = std::move(wake);
  auto loop = os::EventLoop::create();
  if (!loop) return tl::unexpected(loop.error());
  t->loop_ = std::move(*loop);
  auto engine = CopyEngine::create(*t->loop_, options, std::move(parts), key);
  if (!engine) return tl::unexpected(engine.error());
  t->engine_ = std::move(*engine);
  t->posted_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!t->posted_) return os::failure("cannot make an eventfd");
  auto watched = t->loop_->add(t->posted_.get(), EPOLLIN, [raw = t.get()](uint32_t, os::Nanos now) {
    uint64_t posts = 0;
    // Why unchecked: the queue says what there is to do.
    [[maybe_unused]] const auto n = ::read(raw->posted_.get(), &posts, sizeof posts);
    raw->work_off(now);
  });
  if (!watched) return tl::unexpected(watched.error());
  return t;
}

CopyThread::~CopyThread() {
  if (!thread_.joinable()) return;
  call([this](CopyEngine&, os::Nanos) { ending_ = true; });
  thread_.join();
}

void CopyThread::run() {
  thread_ = std::thread([this] { loop(); });
}

void CopyThread::call(const std::function<void(CopyEngine&, os::Nanos)>& work) {
  Call one{work, {}};
  auto done = one.done.get_future();
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(&one);
  }
  const uint64_t post = 1;
  // Why unchecked: only a full counter refuses, and then the thread is awake anyway.
  [[maybe_unused]] const auto n = ::write(posted_.get(), &post, sizeof post);
  done.wait();
}

void CopyThread::work_off(os::Nanos now) {
  std::vector<Call*> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(calls_);
  }
  for (Call* one : calls) {
    one->work(*engine_, now);
    one->done.set_value();
  }
}

void CopyThread::loop() {
  while (!ending_) {
    if (auto turned = loop_->turn(); !turned) {
      // Nothing is mirrored any more, but calls are still answered: the figures are wanted.
      failure_ = turned.error();
      wake_();
      break;
    }
    if (engine_->capture_ended() && !std::exchange(told_, true)) wake_();
  }
  while (!ending_) {
    uint64_t posts = 0;
    pollfd waiting{posted_.get(), POLLIN, 0};
    ::poll(&waiting, 1, -1);
    [[maybe_unused]] const auto n = ::read(posted_.get(), &posts, sizeof posts);
    work_off(os::steady_now());
  }
}

}  // namespace mirrorlab::engine
