#include "sim/server_app.h"

#include <algorithm>
#include <array>

namespace mirrorlab::sim {

namespace {
// Answer bytes need no content of their own: nobody but the client's application reads them.
constexpr std::array<uint8_t, 4096> kAnswer{};
}  // namespace

ServerApp::ServerApp(const Stream& stream, Side side, int64_t start)
    : stream_(stream),
      side_(side),
      start_(start),
      reader_(side == Side::online ? stream.script.online_reads : stream.script.test_reads) {
  const auto& exchanges = stream.script.exchanges;
  while (answered_ < static_cast<int>(exchanges.size()) &&
         stream.script.request_end(static_cast<size_t>(answered_)) <= start) {
    ++answered_;
  }
  exchange_ = stream.script.greeting.empty() ? answered_ : -1;
  greeted_ = exchange_ != -1;
}

Nanos ServerApp::deadline() const { return std::min(reader_.deadline(), part_at_); }

const Answer& ServerApp::answer(int k) const {
  if (k < 0) return stream_.script.greeting;
  const Exchange& e = stream_.script.exchanges[static_cast<size_t>(k)];
  return side_ == Side::online ? e.online : e.test;
}

void ServerApp::answer_requests(TcpEndpoint& endpoint, Nanos now) {
  const Conversation& script = stream_.script;
  const int count = static_cast<int>(script.exchanges.size());
  const int64_t read_to = start_ + reader_.consumed();
  for (;;) {
    while (to_write_ > 0) {
      const auto bytes =
          std::min<size_t>({kAnswer.size(), static_cast<size_t>(to_write_), endpoint.send_space()});
      if (bytes == 0) return;
      const size_t taken = endpoint.write({kAnswer.data(), bytes}, now);
      to_write_ -= static_cast<int64_t>(taken);
      answer_bytes_ += static_cast<int64_t>(taken);
      said_ += static_cast<int64_t>(taken);
      if (taken == 0) return;
    }
    if (exchange_ >= count) return;
    if (exchange_ >= 0 && read_to < script.request_end(static_cast<size_t>(exchange_))) return;
    const Answer& parts = answer(exchange_);
    if (part_ == parts.size()) {
      part_ = 0;
      part_at_ = kNever;
      answer_bytes_ = 0;
      if (exchange_ < 0) {
        greeted_ = true;
        exchange_ = answered_;
      } else {
        answered_ = ++exchange_;
        if (side_ == Side::test && script.test_closes_after == exchange_ - 1) {
          closed_first_ = true;
          endpoint.close(now);
          return;
        }
      }
      continue;
    }
    if (part_at_ == kNever) part_at_ = now + parts[part_].after;
    if (part_at_ > now) return;
    to_write_ = parts[part_].bytes;
    ++part_;
    part_at_ = kNever;
  }
}

void ServerApp::finish(TcpEndpoint& endpoint, Nanos now) {
  const bool said_all = exchange_ >= static_cast<int>(stream_.script.exchanges.size());
  if (to_write_ > 0 || part_at_ != kNever) return;
  const CloseKind kind = stream_.script.close;
  const bool own_close = said_all && (kind == CloseKind::server || kind == CloseKind::both);
  // A client that closed in the middle of a request is not waited for.
  if (own_close || (endpoint.peer_finished() && endpoint.unread() == 0)) endpoint.close(now);
}

void ServerApp::step(TcpEndpoint& endpoint, Nanos now) {
  const TcpState state = endpoint.state();
  if (state == TcpState::closed || state == TcpState::time_wait ||
      state == TcpState::syn_received) {
    part_at_ = kNever;
    return;
  }
  reader_.step(endpoint, now);
  if (closed_first_) return;
  answer_requests(endpoint, now);
  if (!closed_first_) finish(endpoint, now);
}

}  // namespace mirrorlab::sim
