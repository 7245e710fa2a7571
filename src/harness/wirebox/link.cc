#include "harness/wirebox/link.h"

#include <poll.h>
#include <pthread.h>
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
           std::unique_ptr<PacketPort> b, const Settings& a_to_b, const Settings& b_to_a,
           Gate* gate)
    : name_(std::move(name)), ports_{std::move(a), std::move(b)}, gate_(gate) {
  for (const size_t i : {0U, 1U}) {
    PacketPort* out = ports_[1 - i].get();
    out->set_pool(pool_);
    ways_[i] = std::make_unique<OneWay>(seed, name_, static_cast<Direction>(i), flows_, pool_,
                                        [out](const Frame& frame) { out->send(frame); });
    ways_[i]->change(i == 0 ? a_to_b : b_to_a);
  }
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) throw std::runtime_error(os::error_text("cannot make an eventfd"));
  if (gate_ != nullptr) gate_->enter(*this);
  thread_ = std::thread([this] { run(); });
}

Link::~Link() {
  if (gate_ != nullptr) gate_->leave(*this);
  stop();
}

void Link::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void Link::wake() {
  // Why no check: it fails only when the counter is full, and then the thread wakes as well.
  (void)::eventfd_write(wake_.get(), 1);
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
    f.waiting[i] = ways_[i]->waiting();
    const PacketPort::Counters in = ports_[i]->counters();
    const PacketPort::Counters out = ports_[1 - i]->counters();
    f.kernel[i] = {in.arrived, in.ring_drops, in.truncated, out.sent, out.send_errors};
  }
  f.flows_forgotten = flows_.times_forgotten();
  return f;
}

double Link::cpu_seconds() {
  clockid_t clock{};
  timespec used{};
  if (!thread_.joinable() || ::pthread_getcpuclockid(thread_.native_handle(), &clock) != 0 ||
      ::clock_gettime(clock, &used) != 0) {
    return 0;
  }
  return static_cast<double>(os::nanos_of(used)) / 1e9;
}

Gate::Time Link::time() {
  const Gate::Time t = gate_ != nullptr ? gate_->time() : Gate::Time{os::steady_now(), 0, false};
  for (auto& way : ways_) way->shut(t.shut);
  return t;
}

bool Link::move(size_t direction, Gate::Time& t) {
  const bool watched = gate_ != nullptr && gate_->watched();
  const auto which = static_cast<Direction>(direction);
  Frame frame;
  int moved = 0;
  for (; moved < kBurst && ports_[direction]->next(frame); ++moved) {
    if (flows_.full()) {
      for (auto& way : ways_) way->let_go_held(t.now);
      flows_.forget_all();
    }
    if (watched && !t.shut && gate_->stops({name_, which, frame.view()})) t = time();
    ways_[direction]->take(frame, t.now);
  }
  return moved > 0;
}

void Link::read_arrivals() {
  const std::lock_guard lock(mutex_);
  Gate::Time t = time();
  for (const size_t i : {0U, 1U}) {
    while (move(i, t)) ports_[i]->give_back();
  }
}

os::Nanos Link::next_due() {
  const std::lock_guard lock(mutex_);
  return std::min(ways_[0]->next_due(), ways_[1]->next_due());
}

uint64_t Link::waiting() {
  const std::lock_guard lock(mutex_);
  return ways_[0]->waiting() + ways_[1]->waiting();
}

std::optional<Passage> Link::let_one_go(os::Nanos now) {
  const std::lock_guard lock(mutex_);
  const size_t i = ways_[0]->next_due() <= ways_[1]->next_due() ? 0 : 1;
  const auto frame = ways_[i]->release_one(now);
  if (!frame) return std::nullopt;
  Passage passed{name_, static_cast<Direction>(i), now, packet_text(frame->view())};
  ports_[1 - i]->flush();
  return passed;
}

void Link::run() {
  ::prctl(PR_SET_NAME, "wirebox");
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // delays are exact to the timer, not to its 50 us of slack
  std::array<pollfd, 3> fds{
      {{ports_[0]->fd(), POLLIN, 0}, {ports_[1]->fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  for (;;) {
    os::Nanos due = os::kNever;
    bool moved = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      Gate::Time t = time();
      for (const size_t i : {0U, 1U}) moved |= move(i, t);
      for (auto& way : ways_) way->release(t.now);
      for (auto& port : ports_) port->flush();
      for (auto& port : ports_) port->give_back();
      if (!t.shut) due = std::min(ways_[0]->next_due(), ways_[1]->next_due());
      if (due != os::kNever) due += t.behind;
    }
    if (moved) continue;
    timespec timeout{};
    if (due != os::kNever) {
      timeout = os::timespec_of(std::max<os::Nanos>(due - os::steady_now(), 0));
    }
    ::ppoll(fds.data(), fds.size(), due == os::kNever ? nullptr : &timeout, nullptr);
    eventfd_t woken = 0;
    if (fds[2].revents != 0) (void)::eventfd_read(wake_.get(), &woken);
  }
}

}  // namespace mirrorlab::wirebox
