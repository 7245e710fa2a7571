#include "bench/limit/service.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace mirrorlab::bench {

namespace {
void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}
}  // namespace

Service::Service(os::Fd listener, bool keep_alive)
    : listener_(std::move(listener)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      keep_alive_(keep_alive) {
  watch(epoll_.get(), listener_.get());
  thread_ = std::thread([this] { serve(); });
}

Service::~Service() {
  stop_ = true;
  thread_.join();
}

void Service::serve() {
  std::array<epoll_event, 64> events;
  while (!stop_) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener_.get()) {
        accept_all();
      } else {
        answer(fd);
      }
    }
  }
}

void Service::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    watch(epoll_.get(), fd);
  }
}

void Service::answer(int connection) {
  std::array<char, 4096> request;
  static const std::array<char, kAnswer> kPage{};
  const ssize_t n = ::recv(connection, request.data(), request.size(), 0);
  if (n < 0) return;
  if (n > 0) static_cast<void>(::send(connection, kPage.data(), kPage.size(), MSG_NOSIGNAL));
  if (n == 0 || !keep_alive_) ::close(connection);
}

}  // namespace mirrorlab::bench
