// Bytes taken out of, or put into, one mirrored stream behind the copy engine's back.
//
// From a position on, the stream at the test host is shifted against the engine's; acks are shifted
// back, so that the engine notices nothing.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/header_record.h"

namespace mirrorlab::broken {

class StreamEdit {
 public:
  // Bytes of the stream from `at` on move by `shift` (negative: bytes were taken out before `at`).
  StreamEdit(const wire::FlowKey& flow, wire::Seq at, int32_t shift)
      : flow_(flow), at_(at), shift_(shift) {}

  [[nodiscard]] bool concerns(const wire::FlowKey& flow) const { return flow == flow_; }
  // Toward the test host.
  void apply(wire::TcpHeader& header) const {
    if (header.seq.at_or_after(at_)) header.seq = header.seq + static_cast<uint32_t>(shift_);
  }
  // Toward the engine.
  void undo(wire::HeaderRecord& record) const {
    const wire::Seq here = at_ + static_cast<uint32_t>(shift_);
    if (record.ack.at_or_after(here)) record.ack = record.ack - static_cast<uint32_t>(shift_);
  }

 private:
  wire::FlowKey flow_;
  wire::Seq at_;  // in the engine's numbers
  int32_t shift_;
};

}  // namespace mirrorlab::broken
