// The test host's end of one mirrored connection: takes bytes in order and checks each, answers
// every whole request, sends again what is not acked. Go-back-N, no SACK: what repairs more is the
// engine's. Shares no code with the engine but the wire layer. Time is an argument.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/core/config.h"
#include "soak/conversation.h"
#include "wire/header_record.h"

namespace mirrorlab::soak {

class FarEnd {
 public:
  using Reply = std::function<void(const wire::HeaderRecord&)>;
  FarEnd() = default;
  FarEnd(const Conversation& conversation, const wire::FlowKey& flow)
      : conversation_(conversation), flow_(flow) {}

  void take(const wire::TcpHeader& header, wire::Bytes payload, engine::Nanos now,
            const Reply& reply);
  void on_timer(engine::Nanos now, const Reply& reply);
  [[nodiscard]] engine::Nanos deadline() const { return resend_at_; }
  [[nodiscard]] int64_t received() const { return received_; }
  // What a byte was other than it should be; empty when none was.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

 private:
  static constexpr engine::Nanos kResend = 300 * engine::kMillisecond;
  static constexpr uint32_t kLargest = 60000;  // one record of a super-packet
  void answer(engine::Nanos now, const Reply& reply);
  void send_from(int64_t offset, engine::Nanos now, const Reply& reply);
  void say(uint8_t flags, int64_t offset, uint32_t length, const Reply& reply) const;

  Conversation conversation_;
  wire::FlowKey flow_;
  wire::Seq isn_, iss_;
  bool open_ = false, fin_received_ = false;
  int64_t received_ = 0;          // of the client's stream, in order
  uint64_t answered_ = 0;         // requests
  int64_t asked_ = 0;             // where they end in the stream
  int64_t due_ = 0;               // answer bytes that may go, without the FIN
  int64_t sent_ = 0, acked_ = 0;  // the FIN counted
  engine::Nanos resend_at_ = engine::kNever;
  std::string wrong_;
};

}  // namespace mirrorlab::soak
