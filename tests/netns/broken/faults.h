// The ways in which a copy engine may be broken, each as a PacketSender around the real one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "os/packet_sender.h"
#include "wire/header_record.h"

namespace mirrorlab::broken {

enum class Fault : uint8_t {
  drop_segment,       // one data segment is never sent, and the engine believes it was
  duplicate,          // one segment's bytes are sent twice as stream data
  swap,               // two requests of one stream are exchanged
  early_turn,         // a turn leaves together with the one whose answer it needed
  miscount,           // the account is changed before it is written
  flip,               // one byte is altered
  to_client,          // one packet goes to a real client
  miscount_captured,  // more packets are said to be captured than came
  miscount_sent,      // more packets are said to be sent than left
};
[[nodiscard]] std::optional<Fault> parse_fault(std::string_view name);
// The figures are wrong, and nothing else.
[[nodiscard]] bool miscounts(Fault fault);

class BrokenSender : public os::PacketSender {
 public:
  explicit BrokenSender(std::unique_ptr<os::PacketSender> sound) : sound_(std::move(sound)) {}
  void flush(os::Nanos now) override { sound_->flush(now); }
  [[nodiscard]] bool full() const override { return sound_->full(); }
  [[nodiscard]] Wait wait() const override { return sound_->wait(); }
  [[nodiscard]] const os::SendCounters& counters() const override { return sound_->counters(); }
  // What comes back from the test host, before the engine sees it.
  virtual void amend(wire::HeaderRecord&) {}
  // Where forged replies go.
  using Forge = std::function<void(const wire::HeaderRecord&, os::Nanos now)>;
  void set_forge(Forge forge) { forge_ = std::move(forge); }

 protected:
  std::unique_ptr<os::PacketSender> sound_;
  Forge forge_;
};

// Null for a fault that is not the sender's.
[[nodiscard]] std::unique_ptr<BrokenSender> break_sender(Fault fault,
                                                         std::unique_ptr<os::PacketSender> sound);

}  // namespace mirrorlab::broken
