// The service, online or at the test host: greets, answers each request when it is whole, closes
// the way the script says. At the test host a connection may begin in the middle of the stream.
#pragma once

#include "sim/application.h"
#include "sim/stream.h"

namespace mirrorlab::sim {

enum class Side : uint8_t { online, test };

class ServerApp : public Application {
 public:
  // `start`: offset in the client's stream of the connection's first byte.
  ServerApp(const Stream& stream, Side side, int64_t start);
  void step(TcpEndpoint& endpoint, Nanos now) override;
  [[nodiscard]] Nanos deadline() const override;

  // Exchanges before this one were answered in full, or never will be.
  [[nodiscard]] int answered() const { return answered_; }
  // Bytes of the answer to `exchange` given to the endpoint so far.
  [[nodiscard]] int64_t answered_bytes(int exchange) const {
    return exchange == exchange_ ? answer_bytes_ : 0;
  }
  // Everything it has said on this connection.
  [[nodiscard]] int64_t said() const { return said_; }
  [[nodiscard]] bool greeted() const { return greeted_; }
  [[nodiscard]] bool closed_first() const { return closed_first_; }
  [[nodiscard]] int64_t start() const { return start_; }

 private:
  [[nodiscard]] const Answer& answer(int k) const;
  void answer_requests(TcpEndpoint& endpoint, Nanos now);
  void finish(TcpEndpoint& endpoint, Nanos now);

  const Stream& stream_;
  Side side_;
  int64_t start_;
  Reader reader_;
  int exchange_ = 0;  // being answered or waited for; -1: the greeting
  int answered_ = 0;
  size_t part_ = 0;
  bool greeted_ = false;
  bool closed_first_ = false;
  Nanos part_at_ = kNever;
  int64_t to_write_ = 0;
  int64_t said_ = 0;
  int64_t answer_bytes_ = 0;  // of the present exchange, written
};

}  // namespace mirrorlab::sim
