#include "harness/wirebox/link.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <algorithm>
#include <stdexcept>

#include "os/clock.h"
#include "os/error.h"

namespace mirrorlab::wirebox {

namespace {
// Frames moved from one port before the other gets its turn and the sent ones leave.
constexpr int kBurst = 256;
}  // namespace

Link::Link(std::string name, uint64_t seed, std::unique_ptr<PacketPort> a,
           std::unique_ptr<PacketPort> b, const Settings& a_to_b, const Settings& b_to_a)
    : name_(std::move(name)), ports_{std::move(a), std::move(b)} {
  for (const size_t i : {0U, 1U}) {
    PacketPort* out = ports_[1 - i].get();
    out->set_pool(pool_);
    ways_[i] = std::make_unique<OneWay>(seed, name_, static_cast<Direction>(i), flows_, pool_,
                                        [out](const Frame& frame) { out->send(frame); });
    ways_[i]->change(i == 0 ? a_to_b : b_to_a);
  }
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
  thread_ = std::thread([this] { run(); });
}

Link::~Link() { stop(); }

void Link::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) == sizeof one) thread_.join();
}

void Link::change(const Settings& a_to_b, const Settings& b_to_a) {
  const std::lock_guard lock(mutex_);
  ways_[0]->change(a_to_b);
  ways_[1]->change(b_to_a);
}

Figures Link::figures() {
  const std::lock_guard lock(mutex_);
  Figures f;
  f.name = name_;
  for (const size_t i : {0U, 1U}) {
    f.counters[i] = ways_[i]->counters();
    f.drops.insert(f.drops.end(), ways_[i]->drops().begin(), ways_[i]->drops().end());
    f.kernel_drops += ports_[i]->kernel_drops();
    f.send_errors += ports_[i]->send_errors();
    f.truncated += ports_[i]->truncated();
  }
  f.flows_forgotten = flows_.times_forgotten();
  return f;
}

bool Link::move(PacketPort& from, OneWay& through, os::Nanos now) {
  Frame frame;
  int moved = 0;
  for (; moved < kBurst && from.next(frame); ++moved) {
    if (flows_.full()) {
      for (auto& way : ways_) way->let_go_held(now);
      flows_.forget_all();
    }
    through.take(frame, now);
  }
  return moved > 0;
}

void Link::run() {
  ::prctl(PR_SET_NAME, "wirebox");
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // delays are exact to the timer, not to its 50 us of slack
  std::array<pollfd, 3> fds{
      {{ports_[0]->fd(), POLLIN, 0}, {ports_[1]->fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  for (;;) {
    os::Nanos due = os::kNever;
    bool moved = false;
    const os::Nanos now = os::steady_now();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      for (const size_t i : {0U, 1U}) moved |= move(*ports_[i], *ways_[i], now);
      for (auto& way : ways_) way->release(now);
      for (auto& port : ports_) port->flush();
      for (auto& port : ports_) port->give_back();
      for (auto& way : ways_) due = std::min(due, way->next_due());
    }
    if (moved) continue;
    timespec timeout{};
    if (due != os::kNever)
      timeout = os::timespec_of(std::max<os::Nanos>(due - os::steady_now(), 0));
    ::ppoll(fds.data(), fds.size(), due == os::kNever ? nullptr : &timeout, nullptr);
  }
}

}  // namespace mirrorlab::wirebox
