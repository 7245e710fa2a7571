#include "harness/traffic/service.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <iostream>

#include "harness/traffic/sockets.h"
#include "os/error.h"

namespace mirrorlab::traffic {

namespace {
constexpr int kBacklog = 65535;  // the kernel caps it at net.core.somaxconn
}  // namespace

tl::expected<std::unique_ptr<Service>, std::string> Service::create(os::EventLoop& loop,
                                                                    const ServiceOptions& options) {
  std::unique_ptr<Service> s(new Service(loop, options));
  auto recording = Recording::open(options.record);
  if (!recording) return tl::unexpected(recording.error());
  s->recording_ = std::move(*recording);
  auto listener = listen_on_all(options.port, options.window, kBacklog);
  if (!listener) return tl::unexpected(listener.error());
  s->listener_ = std::move(*listener);
  Service* raw = s.get();
  auto watched =
      loop.add(raw->listener_.get(), EPOLLIN, [raw](uint32_t, os::Nanos now) { raw->accept(now); });
  if (!watched) return tl::unexpected(watched.error());
  raw->timer_ =
      loop.add_timer([](os::Nanos) {});  // only wakes the loop; the hook below does the work
  loop.after_batch([raw](os::Nanos now) {
    raw->timers_.advance(now, [&](uint32_t id) {
      if (id < raw->connections_.size() && raw->connections_[id])
        raw->connections_[id]->on_wake(now);
    });
    raw->reap();
    raw->loop_.set_timer(raw->timer_, raw->timers_.next());
  });
  return s;
}

void Service::accept(os::Nanos now) {
  for (int i = 0; i < 256; ++i) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    os::Fd fd(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EMFILE || errno == ENFILE) {
        // Those in the backlog wait until others have closed.
        loop_.modify(listener_.get(), 0);
        accepting_ = false;
      }
      return;
    }
    uint32_t id = static_cast<uint32_t>(connections_.size());
    if (free_.empty()) {
      connections_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
    }
    const int number = fd.get();
    connections_[id] =
        std::make_unique<ServiceConnection>(id, std::move(fd), endpoint_of(from), options_, *this);
    ++accepted_;
    auto watched = loop_.add(number, EPOLLIN, [this, id](uint32_t events, os::Nanos at) {
      if (connections_[id]) connections_[id]->on_events(events, at);
    });
    if (!watched) {
      connections_[id].reset();
      free_.push_back(id);
      return;
    }
    connections_[id]->begin(now);
  }
}

void Service::wake_at(uint32_t id, os::Nanos when) { timers_.arm(id, when); }

void Service::on_closed(uint32_t id) {
  recording_.add(connections_[id]->record());
  loop_.remove(connections_[id]->fd());
  closed_.push_back(id);
}

void Service::reap() {
  if (!closed_.empty() && !accepting_) {
    accepting_ = true;
    loop_.modify(listener_.get(), EPOLLIN);
  }
  for (const uint32_t id : closed_) {
    connections_[id].reset();
    free_.push_back(id);
  }
  closed_.clear();
}

tl::expected<void, std::string> Service::finish() {
  reap();
  for (const auto& connection : connections_) {
    if (connection) recording_.add(connection->record());
  }
  return recording_.on() ? recording_.flush() : tl::expected<void, std::string>{};
}

int run_service(const nlohmann::json& json) {
  const auto options = read_service_options(json);
  if (!options) {
    std::cerr << "mirrorlab serve: " << options.error() << '\n';
    return 2;
  }
  raise_descriptor_limit();
  auto loop = os::EventLoop::create();
  if (!loop) {
    std::cerr << "mirrorlab serve: " << loop.error() << '\n';
    return 3;
  }
  auto signals = (*loop)->on_signals({SIGTERM, SIGINT}, [&](int, os::Nanos) { (*loop)->stop(); });
  auto service = Service::create(**loop, *options);
  if (!signals || !service) {
    std::cerr << "mirrorlab serve: " << (signals ? service.error() : signals.error()) << '\n';
    return 3;
  }
  std::cerr << "ready on port " << options->port << std::endl;
  auto ran = (*loop)->run();
  auto done = (*service)->finish();
  for (const auto* result : {&ran, &done}) {
    if (*result) continue;
    std::cerr << "mirrorlab serve: " << result->error() << '\n';
    return 3;
  }
  return 0;
}

}  // namespace mirrorlab::traffic
