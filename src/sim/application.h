// What drives an endpoint: called whenever something happened to it, and at its own deadline.
#pragma once

#include <algorithm>

#include "sim/conversation.h"
#include "sim/tcp_endpoint.h"

namespace mirrorlab::sim {

class Application {
 public:
  virtual ~Application() = default;
  virtual void step(TcpEndpoint& endpoint, Nanos now) = 0;
  [[nodiscard]] virtual Nanos deadline() const = 0;
};

// Reads an endpoint at the pace asked for.
class Reader {
 public:
  explicit Reader(const ReadPace& pace) : pace_(pace) {}
  void step(TcpEndpoint& endpoint, Nanos now) {
    if (endpoint.unread() == 0) return;
    if (pace_.bytes == 0) {
      take(endpoint, endpoint.unread(), now);
    } else if (next_at_ <= now) {
      take(endpoint, std::min(pace_.bytes, endpoint.unread()), now);
      next_at_ = now + pace_.gap;
    }
    waiting_ = endpoint.unread() > 0;
  }
  [[nodiscard]] Nanos deadline() const { return waiting_ ? next_at_ : kNever; }
  [[nodiscard]] int64_t consumed() const { return consumed_; }

 private:
  void take(TcpEndpoint& endpoint, uint32_t bytes, Nanos now) {
    consumed_ += bytes;
    endpoint.read(bytes, now);
  }
  ReadPace pace_;
  int64_t consumed_ = 0;
  Nanos next_at_ = 0;
  bool waiting_ = false;
};

}  // namespace mirrorlab::sim
