#include "harness/traffic/load.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <iostream>

#include "harness/traffic/sockets.h"
#include "os/error.h"

namespace mirrorlab::traffic {

tl::expected<std::unique_ptr<Load>, std::string> Load::create(const ClientOptions& options) {
  std::unique_ptr<Load> load(new Load(options));
  for (const auto& path : options.spaces) {
    load->spaces_.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!load->spaces_.back()) return os::failure("cannot open the network namespace " + path);
  }
  if (!options.progress.empty()) {
    auto progress = ProgressFile::create(options.progress);
    if (!progress) return tl::unexpected(progress.error());
    load->progress_ = std::move(*progress);
  }
  auto loop = os::EventLoop::create();
  if (!loop) return tl::unexpected(loop.error());
  load->loop_ = std::move(*loop);
  Load* raw = load.get();
  auto signals = raw->loop_->on_signals({SIGTERM, SIGINT}, [raw](int, os::Nanos) {
    raw->interrupted_ = true;
    raw->loop_->stop();
  });
  if (!signals) return tl::unexpected(signals.error());
  raw->timer_ = raw->loop_->add_timer([](os::Nanos) {});  // only wakes the loop
  raw->ports_.resize(options.first_port == 0 ? 0 : options.clients);
  raw->loop_->after_batch([raw](os::Nanos now) {
    raw->timers_.advance(now, [&](uint32_t slot) {
      if (raw->slots_[slot]) raw->slots_[slot]->on_wake(now);
    });
    raw->fill_slots(now);
    raw->tell_progress();
    raw->loop_->set_timer(raw->timer_, raw->timers_.next());
  });
  return load;
}

tl::expected<os::Fd, std::string> Load::open_socket(uint64_t client) {
  if (!spaces_.empty() && ::setns(spaces_[client].get(), CLONE_NEWNET) < 0) {
    return os::failure("cannot enter the network namespace of a client");
  }
  os::Fd fd(::socket(options_.service.address.is_v4() ? AF_INET : AF_INET6,
                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return os::failure("cannot open a socket");
  return fd;
}

uint16_t Load::next_port(uint64_t client, uint64_t user) {
  if (options_.kind == ClientKind::replay) {
    return play_port(user, options_.conversations->all.size());
  }
  if (options_.first_port == 0) return 0;
  const unsigned range = 1U + options_.last_port - options_.first_port;
  return static_cast<uint16_t>(options_.first_port + ports_[client]++ % range);
}

os::Nanos Load::begins_after(uint64_t user) const {
  if (options_.kind != ClientKind::replay) {
    return static_cast<os::Nanos>(options_.spread_ns * user / options_.connections);
  }
  // As in the capture, long pauses between beginnings shortened; every round anew.
  const auto& all = options_.conversations->all;
  uint64_t after = 0;
  for (uint64_t i = 1; i <= user % all.size(); ++i) {
    // Where a directory's next capture begins, time begins anew.
    const int64_t pause = std::max<int64_t>(all[i].start_ns - all[i - 1].start_ns, 0);
    after += std::min(static_cast<uint64_t>(pause), options_.longest_pause_ns);
  }
  return static_cast<os::Nanos>(after * options_.pause_percent / 100);
}

void Load::fill_slots(os::Nanos now) {
  const auto begin = [&](uint32_t slot) {
    const uint64_t user = next_user_++;
    slots_[slot] = std::make_unique<Client>(slot, user, options_, *this);
    ++live_;
    const os::Nanos due = began_ + begins_after(user);
    slots_[slot]->start(now, std::max<os::Nanos>(due - now, 0));
  };
  // A user may end while it begins: hence no iterators.
  for (size_t i = 0; i < done_.size(); ++i) {
    const uint32_t slot = done_[i];
    slots_[slot].reset();
    --live_;
    if (next_user_ < options_.connections) begin(slot);
  }
  done_.clear();
  if (live_ == 0 && next_user_ >= options_.connections) loop_->stop();
}

tl::expected<void, std::string> Load::run() {
  began_ = os::steady_now();
  const uint64_t at_once = std::min(options_.connections, options_.concurrency);
  slots_.resize(at_once);
  for (uint32_t slot = 0; slot < at_once; ++slot) done_.push_back(slot);
  live_ = at_once;  // what fill_slots takes away again
  fill_slots(began_);
  loop_->set_timer(timer_, timers_.next());
  auto ran = loop_->stopped() ? tl::expected<void, std::string>{} : loop_->run();
  ended_ = os::steady_now();
  tell_progress();
  return ran;
}

nlohmann::json Load::report() const {
  const double seconds = std::max(static_cast<double>(ended_ - began_) / 1e9, 1e-9);
  const auto ms = [&](double fraction) { return stats_.latency_ns.percentile(fraction) / 1e6; };
  return {{"users", stats_.users},
          {"sessions", stats_.sessions},
          {"requests", stats_.requests},
          {"requests_per_s", static_cast<double>(stats_.requests) / seconds},
          {"errors", stats_.errors},
          {"errors_by_kind", stats_.errors_by_kind},
          {"first_error", stats_.first_error},
          {"bytes_sent", stats_.bytes_sent},
          {"bytes_received", stats_.bytes_received},
          {"p50_ms", ms(0.5)},
          {"p99_ms", ms(0.99)},
          {"max_ms", static_cast<double>(stats_.latency_ns.max()) / 1e6},
          {"duration_s", seconds},
          {"interrupted", interrupted_}};
}

int run_load(const nlohmann::json& json) {
  const auto options = read_client_options(json);
  if (!options) {
    std::cerr << "mirrorlab load: " << options.error() << '\n';
    return 2;
  }
  raise_descriptor_limit();
  auto load = Load::create(*options);
  if (!load) {
    std::cerr << "mirrorlab load: " << load.error() << '\n';
    return 3;
  }
  if (auto ran = (*load)->run(); !ran) {
    std::cerr << "mirrorlab load: " << ran.error() << '\n';
    return 3;
  }
  std::cout << (*load)->report() << std::endl;
  return 0;
}

}  // namespace mirrorlab::traffic
