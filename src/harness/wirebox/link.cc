#include "harness/wirebox/link.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "os/clock.h"
#include "os/error.h"

namespace mirrorlab::wirebox {

namespace {
// Frames moved from one port before the other gets its turn and the sent ones leave.
constexpr int kBurst = 256;
// A busy link wakes once in so long: what comes or is due in between is moved together, late by so
// much at most.
constexpr os::Nanos kTogether = 50 * os::kNanosPerMicro;
// A stamp further from now than this is not believed: the wall clock was set.
constexpr os::Nanos kStampBelieved = os::kNanosPerSecond;

// Before everything else where that is allowed (root): a late link stage is a link of another
// delay. Elsewhere the scheduler decides, and the figures say how late it was.
void take_precedence() {
  sched_param priority{};
  priority.sched_priority = 1;
  (void)::pthread_setschedparam(::pthread_self(), SCHED_RR, &priority);
}
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

void Link::replay(std::span<const Fault> faults) {
  const std::lock_guard lock(mutex_);
  for (const size_t i : {0U, 1U}) {
    plans_[i] = std::make_unique<FaultPlan>(faults, static_cast<Direction>(i));
    ways_[i]->replay(*plans_[i]);
  }
}

Figures Link::figures() {
  const std::lock_guard lock(mutex_);
  Figures f;
  f.name = name_;
  for (const size_t i : {0U, 1U}) {
    f.counters[i] = ways_[i]->counters();
    f.faults.insert(f.faults.end(), ways_[i]->faults().begin(), ways_[i]->faults().end());
    if (plans_[i]) f.planned += plans_[i]->packets();
    f.waiting[i] = ways_[i]->waiting();
    const PacketPort::Counters in = ports_[i]->counters();
    const PacketPort::Counters out = ports_[1 - i]->counters();
    f.kernel[i] = {in.arrived, in.ring_drops, in.truncated, out.sent, out.send_errors};
  }
  f.flows_forgotten = flows_.times_forgotten();
  for (const Fault& fault : f.faults) {
    if (static_cast<size_t>(fault.kind) >= kCauses) continue;
    f.drops.push_back(
        {fault.flow, fault.number, fault.ordinal, fault.direction, static_cast<Cause>(fault.kind)});
  }
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
  // From the wall clock of the kernel's stamps to the links' time.
  const os::Nanos back = os::wall_now() - os::steady_now() + t.behind;
  os::Nanos& last = last_arrival_[direction];
  Frame frame;
  os::Nanos came = 0;
  int moved = 0;
  for (; moved < kBurst && ports_[direction]->next(frame, came); ++moved) {
    if (flows_.full()) {
      for (auto& way : ways_) way->let_go_held(t.now);
      flows_.forget_all();
    }
    if (watched && gate_->stops({name_, which, frame.view()})) t = time();
    const os::Nanos stamp = came - back;
    const bool believed = !t.shut && std::abs(stamp - t.now) < kStampBelieved;
    last = std::max(last, believed ? stamp : t.now);
    ways_[direction]->take(frame, last);
  }
  return moved > 0;
}

// True when nothing read kTogether from now could be due before then.
bool Link::may_be_read_late() const {
  return std::ranges::all_of(ways_, [](const auto& way) {
    const Settings& s = way->settings();
    return s.delay - s.jitter >= 2 * kTogether;
  });
}

void Link::read_arrivals() {
  const std::lock_guard lock(mutex_);
  Gate::Time t = time();
  for (const size_t i : {0U, 1U}) {
    while (move(i, t)) ports_[1 - i]->flush();
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

Link::Sleep Link::next_sleep(const Gate::Time& t, bool moved, os::Nanos now) {
  const bool busy = moved && now - last_moved_ < 4 * kTogether;
  if (moved) last_moved_ = now;
  const os::Nanos together = woken_at_ + kTogether;
  if (busy && may_be_read_late()) return {together, true};
  if (moved) return {0, false};
  os::Nanos due = t.shut ? os::kNever : std::min(ways_[0]->next_due(), ways_[1]->next_due());
  if (due == os::kNever) return {};
  due += t.behind;
  // A lone packet leaves at its time.
  const bool several = ways_[0]->waiting() + ways_[1]->waiting() > 1;
  return {several ? std::max(due, together) : due, false};
}

void Link::wait(const Sleep& sleep) {
  if (sleep.until == 0) return;
  timespec timeout{};
  if (sleep.until != os::kNever) {
    timeout = os::timespec_of(std::max<os::Nanos>(sleep.until - os::steady_now(), 0));
  }
  std::array<pollfd, 3> fds{
      {{wake_.get(), POLLIN, 0}, {ports_[0]->fd(), POLLIN, 0}, {ports_[1]->fd(), POLLIN, 0}}};
  ::ppoll(fds.data(), sleep.whatever_comes ? 1 : fds.size(),
          sleep.until == os::kNever ? nullptr : &timeout, nullptr);
  woken_at_ = os::steady_now();
  eventfd_t woken = 0;
  if (fds[0].revents != 0) (void)::eventfd_read(wake_.get(), &woken);
}

void Link::run() {
  ::prctl(PR_SET_NAME, "wirebox");
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // delays are exact to the timer, not to its 50 us of slack
  take_precedence();
  for (;;) {
    Sleep sleep;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      Gate::Time t = time();
      bool moved = false;
      for (const size_t i : {0U, 1U}) moved |= move(i, t);
      for (auto& way : ways_) way->release(t.now);
      for (auto& port : ports_) port->flush();
      sleep = next_sleep(t, moved, os::steady_now());
    }
    wait(sleep);
  }
}

}  // namespace mirrorlab::wirebox
