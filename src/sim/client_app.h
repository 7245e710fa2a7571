// The client's application: asks, waits, thinks, asks again, closes the way its script says.
#pragma once

#include "sim/application.h"
#include "sim/stream.h"

namespace mirrorlab::sim {

class ClientApp : public Application {
 public:
  explicit ClientApp(const Stream& stream) : stream_(stream), reader_(stream.script.client_reads) {}
  void step(TcpEndpoint& endpoint, Nanos now) override;
  [[nodiscard]] Nanos deadline() const override;

 private:
  bool begin_exchange(Nanos now);
  void write(TcpEndpoint& endpoint, Nanos now);
  void finish(TcpEndpoint& endpoint, Nanos now);

  const Stream& stream_;
  Reader reader_;
  size_t exchange_ = 0;
  bool asking_ = false;    // the present exchange has begun
  bool thinking_ = false;  // until write_at_
  int64_t written_ = 0;
  int64_t chunk_end_ = 0;  // what may be written by now
  Nanos write_at_ = kNever;
  Nanos abort_at_ = kNever;
};

}  // namespace mirrorlab::sim
