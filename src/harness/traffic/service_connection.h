// One connection of the built-in service: reading, answering, closing, and the record of it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

#include "harness/traffic/options.h"
#include "harness/traffic/out_queue.h"
#include "harness/traffic/random.h"
#include "harness/traffic/recording.h"
#include "harness/traffic/service_dialogue.h"
#include "os/clock.h"
#include "os/fd.h"

namespace mirrorlab::traffic {

// What a connection needs of the service around it.
class ServiceHost {
 public:
  virtual ~ServiceHost() = default;
  virtual void wake_at(uint32_t id, os::Nanos when) = 0;
  virtual void on_closed(uint32_t id) = 0;  // the connection may be gone when this returns
  virtual void set_interest(int fd, uint32_t events) = 0;
};

class ServiceConnection : private TurnSink {
 public:
  ServiceConnection(uint32_t id, os::Fd fd, const wire::Endpoint& client,
                    const ServiceOptions& options, ServiceHost& host);
  void begin(os::Nanos now);
  void on_events(uint32_t events, os::Nanos now);
  void on_wake(os::Nanos now);
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const ConnectionRecord& record() const { return record_; }

 private:
  struct Pending {  // an answer that waits for its time
    os::Nanos due;
    Answer answer;
    size_t turn;
  };
  struct Produced {  // an answer the kernel has not taken wholly
    uint64_t end;    // of it in the answer stream
    size_t turn;
  };
  void on_turn_bytes(std::string_view bytes) override;
  void on_turn_end(Answer answer) override;
  void say(std::string_view text) override;
  void hang_up(bool reset, uint64_t delay_ns) override;
  void read(os::Nanos now);
  void produce(const Answer& answer, size_t turn);
  void send(os::Nanos now);
  void note_sent();
  void end(const char* how, os::Nanos now);
  void update_interest();
  [[nodiscard]] bool may_read() const;
  Turn* turn(size_t number);

  const uint32_t id_;
  os::Fd fd_;
  const ServiceOptions& options_;
  ServiceHost& host_;
  std::unique_ptr<ServiceDialogue> dialogue_;
  ConnectionRecord record_;
  Random random_;
  OutQueue out_;
  std::deque<Pending> pending_;
  std::deque<Produced> produced_;
  wire::StreamDigest turn_digest_;
  uint64_t produced_bytes_ = 0;
  uint64_t answers_ = 0;
  uint64_t answers_end_ = 0;
  size_t turns_begun_ = 0;
  uint32_t reads_ = 0;
  uint64_t budget_ = 0;  // bytes that may be read before budget_from_ + one tick
  os::Nanos budget_from_ = 0;
  os::Nanos now_ = 0;
  os::Nanos active_at_ = 0;
  uint32_t interest_ = 0;
  bool client_closed_ = false;
  bool closing_ = false;  // the last answer is queued: close after it
  bool by_reset_ = false;
  bool shut_ = false;  // our FIN is sent
  bool ended_ = false;
};

}  // namespace mirrorlab::traffic
