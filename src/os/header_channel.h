// One connection of the header return, either side: the hello, then frames both ways
// (docs/HEADER-RETURN.md).
//
// The server speaks first with its nonce; the client answers with its own and its proof; the server
// ends with its proof. Both sides send a heartbeat when they had nothing else to say.
// Limits: kMaxQueued bytes of output, a frame of input and one read's worth. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/byte_queue.h"
#include "os/clock.h"
#include "os/close_reason.h"
#include "os/fd.h"
#include "os/shared_key.h"
#include "wire/header_return.h"

namespace mirrorlab::os {

class HeaderChannel {
 public:
  enum class Role : uint8_t { client, server };
  using Take = std::function<void(const wire::Frame&)>;
  static constexpr size_t kMaxQueued = 16U << 20U;
  static constexpr Nanos kHeartbeat = 1 * kNanosPerSecond;
  static constexpr Nanos kSilence = 6 * kNanosPerSecond;
  static constexpr Nanos kHelloTimeout = 5 * kNanosPerSecond;

  // `key` outlives the channel; null: without authentication.
  HeaderChannel(Fd fd, Role role, const SharedKey* key, Nanos now);
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] bool wants_write() const { return sent_ < out_.size(); }
  [[nodiscard]] size_t queued() const { return out_.size() - sent_; }
  // Why the connection must be closed; none while it is well.
  [[nodiscard]] CloseReason close_reason() const { return reason_; }
  [[nodiscard]] bool failed() const { return reason_ != CloseReason::none; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

  // The connection stands: the server says hello.
  void start();
  // Reads what came; whole frames after the hello, but for plain heartbeats, go to `take`.
  void on_readable(const Take& take, Nanos now);
  // Ends the open frame and writes what is queued, as far as the socket takes it.
  void on_writable(Nanos now);
  // About once a second: heartbeat, silence, time-out of the hello.
  void tick(Nanos now);
  // False: one more item would exceed the bounded queue.
  [[nodiscard]] bool has_room() const { return queued() < kMaxQueued; }
  // Begins one item of a frame of this type; append it (wire::append_record ...) to the result.
  std::vector<uint8_t>& item(wire::FrameType type);
  // Client: asks for a heartbeat with this number (not 0), behind what the server has to say. It is
  // given to `take`.
  void ask_echo(uint16_t number) { heartbeat(number); }
  void fail(CloseReason reason, std::string text);
  void fail(wire::FrameError error);

 private:
  static constexpr size_t kFrameBytes = 16 * 1024;
  void close_frame();
  void heartbeat(uint16_t number);
  void take_frames(const Take& take);
  void send_hello(const Mac& proof);
  void on_hello(const wire::Frame& frame);
  // Says why to the other side, then fails.
  void refuse(CloseReason reason, const std::string& text);
  [[nodiscard]] const char* other() const {
    return role_ == Role::client ? "the intercept" : "the copy engine";
  }

  Fd fd_;
  Role role_;
  const SharedKey* key_;
  Nonce mine_{};
  Nonce theirs_{};
  bool ready_ = false;
  bool answered_ = false;
  ByteQueue in_;
  std::vector<uint8_t> out_;
  size_t sent_ = 0;
  bool frame_open_ = false;
  wire::FrameType frame_type_ = wire::FrameType::heartbeat;
  size_t frame_begin_ = 0;
  size_t frame_count_ = 0;
  Nanos created_;
  Nanos last_received_;
  Nanos last_sent_;
  CloseReason reason_ = CloseReason::none;
  std::string failure_;
};

}  // namespace mirrorlab::os
