// One connection of the header return, either side: the hello, then frames both ways.
//
// Hello (both): u8 flags (1: key required), 32-byte nonce, 32-byte proof. The server speaks first
// with its nonce; the client answers with its own and its proof; the server ends with its proof.
// Without a key the proofs are zero. Bounded: output beyond the limit is refused and counted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/shared_key.h"
#include "wire/header_return.h"

namespace mirrorlab::os {

class HeaderChannel {
 public:
  enum class Role : uint8_t { client, server };
  static constexpr size_t kMaxQueued = 16U << 20U;

  HeaderChannel(Fd fd, Role role, const SharedKey* key);
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] bool wants_write() const { return sent_ < out_.size(); }
  // Why the connection must be closed; empty while it is well.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  // Begins the hello; a client only listens.
  void start();
  // Reads what came; whole frames after the hello go to `take`.
  void on_readable(const std::function<void(const wire::Frame&)>& take);
  // Writes what is queued, as far as the socket takes it.
  void on_writable();
  // Room for one more frame in the bounded queue.
  [[nodiscard]] bool has_room() const { return out_.size() - sent_ < kMaxQueued; }
  // The output to append frames to (wire::begin_frame ...); written by the next on_writable().
  std::vector<uint8_t>& output() { return out_; }
  void fail(std::string reason) {
    if (failure_.empty()) failure_ = std::move(reason);
  }

 private:
  void send_hello(const Mac& proof);
  void on_hello(const wire::Frame& frame);

  Fd fd_;
  Role role_;
  const SharedKey* key_;
  Nonce mine_{};
  Nonce theirs_{};
  bool ready_ = false;
  bool answered_ = false;
  std::vector<uint8_t> in_;
  std::vector<uint8_t> out_;
  size_t sent_ = 0;
  std::string failure_;
};

}  // namespace mirrorlab::os
