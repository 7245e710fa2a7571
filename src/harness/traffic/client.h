// One user of the built-in clients: its connections one after the other, driven by dialogues.
//
// Requests (http, redis): one dialogue for each connection. A failed connection costs its requests;
// the user goes on over a new one, and gives up after three failures in a row. Everything else is
// one dialogue, played once, over as many connections as it opens; a failure ends it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "harness/traffic/client_dialogue.h"
#include "harness/traffic/histogram.h"
#include "os/clock.h"
#include "os/event_loop.h"

namespace mirrorlab::traffic {

struct LoadStats {
  uint64_t users = 0, sessions = 0, requests = 0, errors = 0, bytes_sent = 0, bytes_received = 0;
  std::map<std::string, uint64_t> errors_by_kind;
  std::string first_error;
  Histogram latency_ns;
};

// What a user needs of the load around it.
class LoadHost {
 public:
  virtual ~LoadHost() = default;
  virtual os::EventLoop& loop() = 0;
  virtual LoadStats& stats() = 0;
  virtual void wake_at(uint32_t slot, os::Nanos when) = 0;
  virtual void on_user_done(uint32_t slot) = 0;  // the user may be replaced when the turn is over
  // A socket in the network namespace of that client.
  virtual tl::expected<os::Fd, std::string> open_socket(uint64_t client) = 0;
  // The next source port for the client address `client`; 0: the kernel's choice.
  virtual uint16_t next_port(uint64_t client, uint64_t user) = 0;
};

class Client {
 public:
  Client(uint32_t slot, uint64_t number, const ClientOptions& options, LoadHost& host);
  void start(os::Nanos now, os::Nanos delay);
  void on_wake(os::Nanos now);

 private:
  enum class State : uint8_t { waiting, connecting, sending, expecting, thinking, draining, done };
  void connect(os::Nanos now);
  [[nodiscard]] bool bind_to_client(int fd, std::string& error);
  void on_events(uint32_t events, os::Nanos now);
  void on_connected(os::Nanos now);
  void run(os::Nanos now);  // actions until one has to wait
  void read(os::Nanos now);
  // Gives what has come to the dialogue; true when the expectation is met.
  bool consume(os::Nanos now);
  void write(os::Nanos now);
  void note_answer();
  void fail(const std::string& kind, const std::string& what, os::Nanos now);
  void disconnect(bool reset);
  // The dialogue is over; what is left to do is for another connection.
  void end_connection(os::Nanos now, bool reset);
  void update_interest();
  void wait(os::Nanos now) {
    progress_at_ = now;
    arm(now);
  }
  void arm(os::Nanos now);

  const uint32_t slot_;
  const uint64_t number_;
  const ClientOptions& options_;
  LoadHost& host_;
  Random random_;
  std::unique_ptr<ClientDialogue> dialogue_;
  os::Fd fd_;
  State state_ = State::waiting;
  OutQueue out_;
  std::string in_;  // what came and nobody has asked for yet
  uint64_t requests_left_;
  uint32_t interest_ = 0;
  unsigned failures_ = 0;  // in a row
  bool service_closed_ = false;
  bool asked_ = false;   // something was sent since the last answer
  os::Nanos quiet_ = 0;  // so long without a byte ends what is expected; 0: nothing does
  uint64_t read_budget_ = 0;
  os::Nanos budget_from_ = 0;
  os::Nanos asked_at_ = 0;
  os::Nanos think_until_ = 0;
  os::Nanos progress_at_ = 0;
};

}  // namespace mirrorlab::traffic
