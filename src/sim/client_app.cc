#include "sim/client_app.h"

#include <algorithm>
#include <array>

namespace mirrorlab::sim {

Nanos ClientApp::deadline() const { return std::min({reader_.deadline(), write_at_, abort_at_}); }

// True when the present exchange may be written.
bool ClientApp::begin_exchange(Nanos now) {
  const Conversation& script = stream_.script;
  if (asking_) return true;
  const Exchange& e = script.exchanges[exchange_];
  if (!thinking_) {
    const int before = static_cast<int>(exchange_) - 1;
    if (!e.pipelined && reader_.consumed() < script.answers_end(before)) return false;
    thinking_ = true;
    write_at_ = now + e.think;
  }
  if (write_at_ > now) return false;
  thinking_ = false;
  asking_ = true;
  write_at_ = kNever;
  chunk_end_ = written_ + (e.write_bytes == 0 ? e.request : std::min(e.write_bytes, e.request));
  return true;
}

void ClientApp::write(TcpEndpoint& endpoint, Nanos now) {
  const Conversation& script = stream_.script;
  while (exchange_ < script.exchanges.size() && begin_exchange(now)) {
    const Exchange& e = script.exchanges[exchange_];
    const int64_t end = script.request_end(exchange_);
    if (write_at_ <= now) {
      chunk_end_ = std::min<int64_t>(end, chunk_end_ + e.write_bytes);
      write_at_ = kNever;
    }
    std::array<uint8_t, 4096> bytes;
    while (written_ < chunk_end_) {
      const auto count = std::min<size_t>(
          {bytes.size(), static_cast<size_t>(chunk_end_ - written_), endpoint.send_space()});
      if (count == 0) return;
      stream_.content.fill(written_, {bytes.data(), count});
      written_ += static_cast<int64_t>(endpoint.write({bytes.data(), count}, now));
      if (script.close == CloseKind::client_abort && written_ >= script.abort_at &&
          abort_at_ == kNever) {
        abort_at_ = now + script.abort_after;
      }
    }
    if (written_ < end) {
      if (write_at_ == kNever) write_at_ = now + e.write_gap;
      return;
    }
    asking_ = false;
    ++exchange_;
  }
}

void ClientApp::finish(TcpEndpoint& endpoint, Nanos now) {
  const Conversation& script = stream_.script;
  const bool asked = exchange_ == script.exchanges.size();
  const bool answered = reader_.consumed() >= script.answers_end(static_cast<int>(exchange_) - 1);
  if (endpoint.peer_finished() && endpoint.unread() == 0) {
    endpoint.close(now);
    return;
  }
  if (!asked) return;
  switch (script.close) {
    case CloseKind::client_half:
      endpoint.shutdown_write(now);
      break;
    case CloseKind::client:
    case CloseKind::both:
      if (answered) endpoint.close(now);
      break;
    default:
      break;
  }
}

void ClientApp::step(TcpEndpoint& endpoint, Nanos now) {
  if (endpoint.state() == TcpState::closed || endpoint.state() == TcpState::syn_sent ||
      endpoint.state() == TcpState::time_wait) {
    write_at_ = abort_at_ = kNever;
    return;
  }
  reader_.step(endpoint, now);
  if (abort_at_ <= now) {
    abort_at_ = write_at_ = kNever;
    endpoint.abort(now);
    return;
  }
  write(endpoint, now);
  finish(endpoint, now);
}

}  // namespace mirrorlab::sim
