#include "harness/traffic/client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "harness/traffic/sockets.h"
#include "os/error.h"

namespace mirrorlab::traffic {

namespace {
constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kMaxUnasked = 1U << 20U;  // bytes kept that nobody has asked for
constexpr unsigned kMaxFailures = 3;
constexpr os::Nanos kTick = 20 * os::kNanosPerMilli;  // of a limited read rate
std::array<char, kReadBytes> read_buffer;             // of the one loop that runs all users
}  // namespace

Client::Client(uint32_t slot, uint64_t number, const ClientOptions& options, LoadHost& host)
    : slot_(slot),
      number_(number),
      options_(options),
      host_(host),
      random_(options.seed * 1000003 + number),
      requests_left_(options.by_request() ? options.requests : 1) {}

void Client::start(os::Nanos now, os::Nanos delay) {
  ++host_.stats().users;
  if (delay == 0) return connect(now);
  think_until_ = now + delay;
  host_.wake_at(slot_, think_until_);
}

bool Client::bind_to_client(int fd, std::string& error) {
  const uint64_t client = number_ % options_.clients;
  wire::Endpoint from{plus(options_.first_client, client), 0};
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const bool replay = options_.kind == ClientKind::replay;
  const unsigned tries =
      options_.first_port == 0 ? 1U : 1U + options_.last_port - options_.first_port;
  if (options_.first_port == 0 && !replay) {
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  }
  sockaddr_storage address{};
  for (unsigned i = 0; i < tries; ++i) {
    from.port = host_.next_port(client, number_);
    const socklen_t length = sockaddr_of(from, address);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0) {
      const socklen_t to = sockaddr_of(options_.service, address);
      if (::connect(fd, reinterpret_cast<sockaddr*>(&address), to) == 0 || errno == EINPROGRESS) {
        return true;
      }
      error = os::error_text("cannot connect " + from.to_string() + " to " +
                             options_.service.to_string());
      return false;
    }
    if (errno != EADDRINUSE) break;
  }
  error = os::error_text("cannot bind to " + from.to_string());
  return false;
}

void Client::connect(os::Nanos now) {
  out_.clear();
  in_.clear();
  service_closed_ = asked_ = false;
  state_ = State::connecting;
  auto opened = host_.open_socket(number_ % options_.clients);
  if (!opened) return fail("connect", opened.error(), now);
  fd_ = std::move(*opened);
  const int one = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (options_.window > 0) {
    const auto bytes = static_cast<int>(options_.window);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  std::string error;
  if (!bind_to_client(fd_.get(), error)) return fail("connect", error, now);
  interest_ = EPOLLOUT;
  auto watched = host_.loop().add(fd_.get(), EPOLLOUT,
                                  [this](uint32_t events, os::Nanos at) { on_events(events, at); });
  if (!watched) return fail("connect", watched.error(), now);
  wait(now);
}

void Client::on_connected(os::Nanos now) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    return fail("connect",
                os::error_text("cannot connect to " + options_.service.to_string(), error), now);
  }
  ++host_.stats().sessions;
  if (!dialogue_) {
    dialogue_ =
        make_client_dialogue(options_, random_, number_, options_.keep_alive ? requests_left_ : 1);
  }
  run(now);
}

void Client::run(os::Nanos now) {
  for (;;) {
    // Between requests the service may have closed: the rest is for another connection.
    if (service_closed_ && dialogue_->resumable()) return end_connection(now, false);
    const Action action = dialogue_->next(out_);
    switch (action.kind) {
      case ActionKind::send:
        asked_ = true;
        asked_at_ = os::steady_now();
        state_ = State::sending;
        write(now);
        if (state_ != State::sending || !out_.empty()) return;
        break;
      case ActionKind::expect:
        state_ = State::expecting;
        quiet_ = static_cast<os::Nanos>(action.ns);
        if (!consume(now)) return;
        break;
      case ActionKind::think:
        if (action.ns == 0) break;
        state_ = State::thinking;
        think_until_ = now + static_cast<os::Nanos>(action.ns);
        update_interest();
        host_.wake_at(slot_, think_until_);
        return;
      case ActionKind::half_close:
        ::shutdown(fd_.get(), SHUT_WR);
        break;
      case ActionKind::reset:
      case ActionKind::close: {
        const bool reset = action.kind == ActionKind::reset;
        if (options_.by_request()) return end_connection(now, reset);
        disconnect(reset);
        break;
      }
      case ActionKind::connect:
        disconnect(false);
        return connect(now);
      case ActionKind::finish:
        return end_connection(now, false);
      case ActionKind::drain:
        if (service_closed_) {
          if (options_.by_request()) return end_connection(now, false);
          disconnect(false);
          break;
        }
        state_ = State::draining;
        in_.clear();
        update_interest();
        wait(now);
        return;
    }
  }
}

void Client::note_answer() {
  if (!asked_) return;
  ++host_.stats().requests;
  host_.stats().latency_ns.add(os::steady_now() - asked_at_);
}

bool Client::consume(os::Nanos now) {
  std::string_view bytes = in_;
  while (!bytes.empty()) {
    const auto progress = dialogue_->take(bytes);
    if (progress == ClientDialogue::Progress::wrong) {
      fail("answer", dialogue_->error(), now);
      return false;
    }
    if (progress == ClientDialogue::Progress::more) continue;
    note_answer();
    failures_ = 0;
    if (progress == ClientDialogue::Progress::answered) continue;
    asked_ = false;
    in_.erase(0, in_.size() - bytes.size());
    return true;
  }
  in_.clear();
  if (service_closed_) {
    if (dialogue_->on_close() == ClientDialogue::Progress::done) {
      note_answer();
      asked_ = false;
      return true;
    }
    fail("closed", dialogue_->error(), now);
    return false;
  }
  update_interest();
  wait(now);
  return false;
}

void Client::write(os::Nanos now) {
  const uint64_t before = out_.size();
  const auto result = out_.send(fd_.get(), options_.write_size, {});
  host_.stats().bytes_sent += before - out_.size();
  if (result == SendResult::failed) return fail("send", os::error_text("cannot send"), now);
  update_interest();
  if (result == SendResult::blocked) wait(now);
}

void Client::read(os::Nanos now) {
  for (int round = 0; round < 4 && !service_closed_; ++round) {
    size_t room = kReadBytes;
    if (options_.read_rate > 0) {
      room = std::min<uint64_t>(room, read_budget_);
      if (room == 0) return update_interest();
    }
    const ssize_t n = ::recv(fd_.get(), read_buffer.data(), room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) break;
    if (n < 0) {
      if (state_ == State::draining || dialogue_->reset_expected()) {
        service_closed_ = true;  // a reset is an end, too
        break;
      }
      if (state_ == State::thinking && dialogue_->resumable()) return end_connection(now, false);
      return fail("reset", os::error_text("the connection broke"), now);
    }
    progress_at_ = now;
    if (n == 0) {
      service_closed_ = true;
      break;
    }
    host_.stats().bytes_received += static_cast<uint64_t>(n);
    if (options_.read_rate > 0) read_budget_ -= static_cast<uint64_t>(n);
    if (state_ != State::draining) in_.append(read_buffer.data(), static_cast<size_t>(n));
    if (static_cast<size_t>(n) < room || in_.size() > kMaxUnasked) break;
  }
  update_interest();
  if (state_ == State::draining && service_closed_) {
    if (options_.by_request()) return end_connection(now, false);
    disconnect(false);
    return run(now);
  }
  if (state_ == State::expecting && consume(now)) run(now);
}

void Client::update_interest() {
  if (!fd_) return;
  const bool may_read = !service_closed_ && in_.size() <= kMaxUnasked &&
                        (options_.read_rate == 0 || read_budget_ > 0);
  if (options_.read_rate > 0 && read_budget_ == 0) host_.wake_at(slot_, budget_from_ + kTick);
  const uint32_t wanted = (may_read ? EPOLLIN : 0U) | (out_.empty() ? 0U : EPOLLOUT);
  if (wanted == interest_) return;
  interest_ = wanted;
  host_.loop().modify(fd_.get(), wanted);
}

void Client::on_events(uint32_t events, os::Nanos now) {
  if (state_ == State::connecting) return on_connected(now);
  if (state_ == State::done || !fd_) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    const int fd = fd_.get();
    if (service_closed_ && (events & (EPOLLHUP | EPOLLERR)) != 0) {
      // Closed by both: only the script's clock is left, and nothing more to watch.
      host_.loop().remove(fd);
      interest_ = 0;
    }
    read(now);
    if (fd_.get() != fd) return;
  }
  if ((events & EPOLLOUT) != 0 && state_ == State::sending) {
    progress_at_ = now;
    write(now);
    if (state_ == State::sending && out_.empty()) run(now);
  }
}

void Client::arm(os::Nanos now) {
  const bool by_quiet = state_ == State::expecting && quiet_ > 0;
  host_.wake_at(slot_, now + (by_quiet ? quiet_ : static_cast<os::Nanos>(options_.patience_ns)));
}

void Client::on_wake(os::Nanos now) {
  if (state_ == State::done) return;
  if (options_.read_rate > 0 && fd_ && now - budget_from_ >= kTick) {
    budget_from_ = now;
    read_budget_ = std::max<uint64_t>(
        options_.read_rate * static_cast<uint64_t>(kTick) / os::kNanosPerSecond, 1);
    update_interest();
  }
  if (state_ == State::waiting || state_ == State::thinking) {
    if (now < think_until_) return host_.wake_at(slot_, think_until_);
    if (state_ == State::waiting) return connect(now);
    return run(now);
  }
  if (state_ == State::expecting && quiet_ > 0) {
    if (now < progress_at_ + quiet_) return host_.wake_at(slot_, progress_at_ + quiet_);
    dialogue_->on_quiet();
    note_answer();
    asked_ = false;
    return run(now);
  }
  const os::Nanos limit = progress_at_ + static_cast<os::Nanos>(options_.patience_ns);
  if (now < limit) return host_.wake_at(slot_, limit);
  static constexpr std::array kDoing{"waiting",  "connecting",
                                     "sending",  "waiting for an answer",
                                     "thinking", "waiting for the service's close",
                                     "done"};
  fail("timeout",
       std::string("nothing moved for ") + std::to_string(options_.patience_ns / 1'000'000) +
           " ms while " + kDoing[static_cast<size_t>(state_)],
       now);
}

void Client::fail(const std::string& kind, const std::string& what, os::Nanos now) {
  LoadStats& stats = host_.stats();
  ++stats.errors;
  ++stats.errors_by_kind[kind];
  if (stats.first_error.empty()) {
    stats.first_error = what + " (user " + std::to_string(number_) + ")";
  }
  if (++failures_ >= kMaxFailures) requests_left_ = 0;
  // A part is played once: its second attempt would be traffic that nobody asked for.
  if (dialogue_ && !options_.by_request()) requests_left_ = 0;
  if (!dialogue_ || dialogue_->left() > 0) {
    if (requests_left_ > 0) --requests_left_;  // the one that failed
    if (dialogue_ && options_.keep_alive && options_.by_request() && requests_left_ > 0) {
      requests_left_ = dialogue_->left() - 1;
    }
  }
  dialogue_.reset();
  end_connection(now, true);
}

void Client::disconnect(bool reset) {
  if (!fd_) return;
  host_.loop().remove(fd_.get());
  if (reset) {
    const linger hard{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  fd_.reset();
}

void Client::end_connection(os::Nanos now, bool reset) {
  disconnect(reset);
  if (dialogue_) {
    if (!options_.by_request()) {
      requests_left_ = 0;
    } else if (options_.keep_alive) {
      // A connection that carried nothing must not be tried for ever.
      const bool moved = dialogue_->left() < requests_left_;
      requests_left_ = moved && options_.finish != Finish::cut ? dialogue_->left() : 0;
    } else {
      --requests_left_;
    }
    dialogue_.reset();
  }
  if (requests_left_ > 0) {
    if (failures_ == 0) return connect(now);
    // Not at once: what refused the last one may be coming up.
    state_ = State::waiting;
    think_until_ = now + 10 * os::kNanosPerMilli;
    return host_.wake_at(slot_, think_until_);
  }
  state_ = State::done;
  host_.on_user_done(slot_);
}

}  // namespace mirrorlab::traffic
