#include "harness/traffic/service_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace mirrorlab::traffic {

namespace {
constexpr size_t kReadBytes = 64 * 1024;
constexpr uint64_t kMaxQueued = 1U << 20U;
constexpr os::Nanos kTick = 20 * os::kNanosPerMilli;  // of a limited read rate
constexpr os::Nanos kIdleLimit = 600 * os::kNanosPerSecond;
// After our FIN the client has so long for its own; then the connection is forgotten.
constexpr os::Nanos kLinger = 30 * os::kNanosPerSecond;

std::array<char, kReadBytes> read_buffer;  // of the one loop that runs all connections

void reset_on_close(int fd) {
  const linger hard{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}
}  // namespace

ServiceConnection::ServiceConnection(uint32_t id, os::Fd fd, const wire::Endpoint& client,
                                     const ServiceOptions& options, ServiceHost& host)
    : id_(id),
      fd_(std::move(fd)),
      options_(options),
      host_(host),
      dialogue_(make_dialogue(options, client)),
      random_(hash_value(client)) {
  record_.client = client;
  const int one = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void ServiceConnection::begin(os::Nanos now) {
  record_.accepted_at = os::wall_now();
  now_ = active_at_ = now;
  interest_ = EPOLLIN;
  host_.wake_at(id_, now + kIdleLimit);
  dialogue_->begin(*this);
  if (!out_.empty()) send(now);
}

Turn* ServiceConnection::turn(size_t number) {
  return number < record_.turns.size() ? &record_.turns[number] : nullptr;
}

void ServiceConnection::on_turn_bytes(std::string_view bytes) {
  if (bytes.empty()) return;
  if (turn_digest_.length() == 0) {
    ++turns_begun_;
    if (options_.record.empty() || options_.mode == ServiceMode::sink) {
      // Nothing to say about single turns.
    } else if (record_.turns.size() < ConnectionRecord::kMaxTurns) {
      record_.turns.push_back({0, 0, 0, reads_, 0});
    } else {
      ++record_.turns_left_out;
    }
  }
  turn_digest_.add({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

void ServiceConnection::on_turn_end(Answer answer) {
  ++record_.requests;
  const size_t number = turns_begun_ - 1;
  if (Turn* t = turn(number)) {
    t->request_bytes = static_cast<uint32_t>(turn_digest_.length());
    t->request_digest = static_cast<uint32_t>(turn_digest_.value());
  }
  turn_digest_ = {};
  if (answer.none) return;
  const uint64_t delay =
      answer.delay_ns + random_.between(options_.delay_ns.low, options_.delay_ns.high);
  if (delay == 0 && pending_.empty()) return produce(answer, number);
  pending_.push_back({now_ + static_cast<os::Nanos>(delay), std::move(answer), number});
  host_.wake_at(id_, pending_.front().due);
}

void ServiceConnection::say(std::string_view text) {
  out_.text(text);
  produced_bytes_ += text.size();
}

void ServiceConnection::hang_up(bool reset, uint64_t delay_ns) {
  Answer last;
  last.close = true;
  last.reset = reset;
  // No turn has this number: nothing is answered by it.
  pending_.push_back({now_ + static_cast<os::Nanos>(delay_ns), std::move(last), SIZE_MAX});
  host_.wake_at(id_, pending_.front().due);
}

void ServiceConnection::produce(const Answer& answer, size_t number) {
  if (closing_) return;
  by_reset_ = options_.close_by_reset || answer.reset;
  out_.text(answer.head);
  out_.filler(answer.filler, number * 31);
  const uint64_t bytes = answer.head.size() + answer.filler;
  produced_bytes_ += bytes;
  produced_.push_back({produced_bytes_, number});
  // With what was said before it: greeting, 100 Continue. So the ends add up to stream offsets.
  if (Turn* t = turn(number))
    t->answer_bytes = static_cast<uint32_t>(produced_bytes_ - answers_end_);
  answers_end_ = produced_bytes_;
  ++answers_;
  closing_ = answer.close || (options_.close_after > 0 && answers_ >= options_.close_after);
}

void ServiceConnection::note_sent() {
  while (!produced_.empty() && produced_.front().end <= record_.sent.length()) {
    if (Turn* t = turn(produced_.front().turn)) t->answered = reads_;
    produced_.pop_front();
  }
}

bool ServiceConnection::may_read() const {
  if (client_closed_ || out_.size() >= kMaxQueued) return false;
  return options_.read_rate == 0 || budget_ > 0;
}

void ServiceConnection::update_interest() {
  const uint32_t wanted = (may_read() ? EPOLLIN : 0U) | (out_.empty() ? 0U : EPOLLOUT);
  if (wanted == interest_) return;
  interest_ = wanted;
  host_.set_interest(fd_.get(), wanted);
}

void ServiceConnection::end(const char* how, os::Nanos now) {
  (void)now;
  if (ended_) return;
  ended_ = true;
  record_.close = how;
  record_.closed_at = os::wall_now();
  host_.on_closed(id_);
}

void ServiceConnection::send(os::Nanos now) {
  const uint64_t before = record_.sent.length();
  const auto result = out_.send(fd_.get(), options_.write_size,
                                [this](wire::Bytes bytes) { record_.sent.add(bytes); });
  if (record_.sent.length() != before) active_at_ = now;
  note_sent();
  if (result == SendResult::failed) return end("client_reset", now);
  if (result == SendResult::blocked || !pending_.empty()) return update_interest();
  if (closing_ && !shut_) {
    if (by_reset_) {
      reset_on_close(fd_.get());
      return end("service_reset", now);
    }
    shut_ = true;
    if (client_closed_) return end("client", now);
    ::shutdown(fd_.get(), SHUT_WR);
    host_.wake_at(id_, now + kLinger);
  } else if (client_closed_) {
    return end(shut_ ? "service" : "client", now);
  }
  update_interest();
}

void ServiceConnection::read(os::Nanos now) {
  for (int round = 0; round < 4 && may_read(); ++round) {
    const size_t room =
        options_.read_rate == 0 ? kReadBytes : std::min<uint64_t>(kReadBytes, budget_);
    const ssize_t n = ::recv(fd_.get(), read_buffer.data(), room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) break;
    if (n < 0) return end("client_reset", now);
    active_at_ = now;
    if (n == 0) {
      client_closed_ = true;
      break;
    }
    const auto size = static_cast<size_t>(n);
    if (options_.read_rate > 0) budget_ -= size;
    ++reads_;
    record_.received.add({reinterpret_cast<const uint8_t*>(read_buffer.data()), size});
    if (!closing_) dialogue_->take({read_buffer.data(), size}, *this);
    if (size < room) break;
  }
  if (options_.read_rate > 0 && budget_ == 0) host_.wake_at(id_, budget_from_ + kTick);
  send(now);
}

void ServiceConnection::on_events(uint32_t events, os::Nanos now) {
  now_ = now;
  if (options_.read_rate > 0) on_wake(now);
  if (ended_) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && may_read()) return read(now);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return end("client_reset", now);
  if ((events & EPOLLOUT) != 0) send(now);
}

void ServiceConnection::on_wake(os::Nanos now) {
  now_ = now;
  if (options_.read_rate > 0 && now - budget_from_ >= kTick) {
    budget_ = std::max<uint64_t>(options_.read_rate * static_cast<uint64_t>(kTick) /
                                     static_cast<uint64_t>(os::kNanosPerSecond),
                                 1);
    budget_from_ = now;
  }
  while (!pending_.empty() && pending_.front().due <= now) {
    const Pending next = std::move(pending_.front());
    pending_.pop_front();
    produce(next.answer, next.turn);
  }
  if (!pending_.empty()) host_.wake_at(id_, pending_.front().due);
  const os::Nanos limit = active_at_ + (shut_ ? kLinger : kIdleLimit);
  if (now >= limit) return end(shut_ ? "service" : "timeout", now);
  host_.wake_at(id_, limit);
  if (!ended_) send(now);
}

}  // namespace mirrorlab::traffic
