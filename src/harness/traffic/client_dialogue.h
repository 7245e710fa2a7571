// What one connection of the built-in clients does: requests and answers, or the steps of a script.
// Bytes in, actions out; no sockets, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/traffic/options.h"
#include "harness/traffic/out_queue.h"
#include "harness/traffic/random.h"

namespace mirrorlab::traffic {

enum class ActionKind : uint8_t {
  send,        // what was put into the queue
  expect,      // wait; take() says when it has come, or nothing has for `ns` (0: for ever)
  think,       // for `ns`
  half_close,  // FIN, reading goes on
  reset,       // at once, whatever is unsent
  close,       // both directions
  connect,     // over a new connection; the one before is closed
  finish,      // nothing more will be done; what is open is closed
  drain,       // wait for the service's own close
};
struct Action {
  ActionKind kind = ActionKind::finish;
  uint64_t ns = 0;
};

class ClientDialogue {
 public:
  enum class Progress : uint8_t { more, answered, done, wrong };
  virtual ~ClientDialogue() = default;
  // The next thing to do; what is to be sent is put into `out`.
  virtual Action next(OutQueue& out) = 0;
  // While something is expected: takes bytes off the front. `answered`: one answer is whole and
  // others are still expected; `done`: the expectation is met.
  virtual Progress take(std::string_view& bytes) = 0;
  // The service closed while something was expected.
  virtual Progress on_close() = 0;
  // Nothing came for as long as the action said: the expectation is met.
  virtual void on_quiet() {}
  // A reset by the service is no error now.
  [[nodiscard]] virtual bool reset_expected() const { return false; }
  // The service closed and nothing was expected: may the rest be done over another connection?
  [[nodiscard]] virtual bool resumable() const { return false; }
  // Requests that are not answered yet, for a connection that takes this one's place.
  [[nodiscard]] virtual uint64_t left() const { return 0; }
  [[nodiscard]] const std::string& error() const { return error_; }

 protected:
  std::string error_;
};

// `options` and `random` outlive a dialogue; `user` counts from 0; `requests` of them are made.
[[nodiscard]] std::unique_ptr<ClientDialogue> make_http_dialogue(const ClientOptions& options,
                                                                 Random& random, uint64_t requests);
[[nodiscard]] std::unique_ptr<ClientDialogue> make_redis_dialogue(const ClientOptions& options,
                                                                  Random& random, uint64_t user,
                                                                  uint64_t requests);
[[nodiscard]] std::unique_ptr<ClientDialogue> make_raw_dialogue(const ClientOptions& options,
                                                                Random& random);
[[nodiscard]] std::unique_ptr<ClientDialogue> make_replay_dialogue(const ClientOptions& options,
                                                                   uint64_t user);
[[nodiscard]] std::unique_ptr<ClientDialogue> make_script_dialogue(const ClientOptions& options,
                                                                   Random& random, uint64_t user);
// By options.kind.
[[nodiscard]] std::unique_ptr<ClientDialogue> make_client_dialogue(const ClientOptions& options,
                                                                   Random& random, uint64_t user,
                                                                   uint64_t requests);

}  // namespace mirrorlab::traffic
