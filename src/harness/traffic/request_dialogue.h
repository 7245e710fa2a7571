// What dialogues of requests and answers share: bursts of requests with pauses between them, and
// how the connection ends. Of a protocol are the request itself and what its answer looks like.
#pragma once

#include "harness/traffic/client_dialogue.h"

namespace mirrorlab::traffic {

class RequestDialogue : public ClientDialogue {
 public:
  // Both outlive it.
  RequestDialogue(const ClientOptions& options, Random& random, uint64_t requests)
      : options_(options), random_(random), left_(requests) {}

  Action next(OutQueue& out) override;
  [[nodiscard]] uint64_t left() const override { return left_; }

 protected:
  // Puts one into the queue, and keeps what its answer must be.
  virtual void request(OutQueue& out) = 0;
  // The service said that it will close: nothing more is asked.
  [[nodiscard]] virtual bool service_closes() const { return false; }
  // How the connection ends where the scenario says nothing else.
  [[nodiscard]] virtual Action usual_end() const { return {ActionKind::close}; }
  Progress wrong(std::string what);

  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] Random& random() { return random_; }
  void answered() { --left_; }

 private:
  enum class State : uint8_t { think, send, cut, expect, closing };
  Action send(OutQueue& out);
  Action finish();

  const ClientOptions& options_;
  Random& random_;
  uint64_t left_;  // requests without an answer yet
  State state_ = State::think;
  bool held_ = false;
};

}  // namespace mirrorlab::traffic
